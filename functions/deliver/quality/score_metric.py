"""The score as a metric: by dataset, and as the distance to the threshold that an alarm looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric

WINDOW = "24h"
ENOUGH = 100
"""Records in the window: of fewer, one bad one would be a low score, and wake somebody for a client's first try."""


def measure(metrics: Metrics, datasets: Iterable[Mapping[str, Any]]) -> None:
    """Emit each dataset's score in the window, and the smallest distance of any score to its threshold."""
    margins: list[float] = []
    for dataset in datasets:
        margins += (part["window"]["score"] - part["threshold"] for part in _scored(dataset))
        if dataset["window"]["score"] is not None:
            _emit(metrics, dataset)
    if margins:
        metrics.add_metric("QualityMargin", MetricUnit.NoUnit, min(margins))
        metrics.flush_metrics()


def _scored(dataset: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The dataset and those of its tables of which enough was read."""
    return (part for part in (dataset, *dataset["tables"]) if part["window"]["read"] >= ENOUGH)


def _emit(metrics: Metrics, dataset: Mapping[str, Any]) -> None:
    score, place = dataset["window"]["score"], metrics.namespace
    with single_metric("QualityScore", MetricUnit.NoUnit, score, namespace=place) as metric:
        metric.add_dimension("dataset", dataset["dataset"])
