"""Publish quality scores as metrics: by dataset, and as the margin to the threshold, which has an alarm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric

WINDOW = "24h"
MINIMUM_READ = 100
"""Records in the window below which a score is ignored: one rejected record of a few would raise an alarm."""


def publish_scores(metrics: Metrics, datasets: Iterable[Mapping[str, Any]]) -> None:
    """Publish each dataset's score in the window, and add the smallest margin between a score and its threshold."""
    margins: list[float] = []
    for dataset in datasets:
        margins += (part["window"]["score"] - part["threshold"] for part in _scored(dataset))
        if dataset["window"]["score"] is not None:
            _publish(metrics, dataset)
    if margins:
        metrics.add_metric("QualityMargin", MetricUnit.NoUnit, min(margins))


def _scored(dataset: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The dataset and its tables with at least MINIMUM_READ records in the window."""
    return (part for part in (dataset, *dataset["tables"]) if part["window"]["read"] >= MINIMUM_READ)


def _publish(metrics: Metrics, dataset: Mapping[str, Any]) -> None:
    score = dataset["window"]["score"]
    with single_metric("QualityScore", MetricUnit.NoUnit, score, namespace=metrics.namespace) as metric:
        metric.add_dimension("dataset", dataset["dataset"])
