"""What is counted and logged of a batch: figures and ids, never a record's content."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from functions.ingest.answer import BatchAnswer


def measure(logger: Logger, metrics: Metrics, answer: BatchAnswer, milliseconds: float) -> None:
    """Log the batch, and publish accepted and rejected records (in all, and by code) and the time it took.

    A record with several errors counts once in all and once under each of its codes.
    """
    counts = answer.counts
    logger.info(
        "batch answered", extra={"counts": counts, "codes": answer.codes, "milliseconds": milliseconds}
    )
    metrics.add_metric("RecordsAccepted", MetricUnit.Count, counts["received"] - counts["rejected"])
    metrics.add_metric("RecordsRejected", MetricUnit.Count, counts["rejected"])
    metrics.add_metric("BatchLatency", MetricUnit.Milliseconds, milliseconds)
    metrics.flush_metrics()
    for code, count in answer.codes.items():
        with single_metric("RecordsRejected", MetricUnit.Count, count, **_where(metrics)) as metric:
            metric.add_dimension("code", code)


def _where(metrics: Metrics) -> dict[str, Any]:
    return {"namespace": metrics.namespace, "default_dimensions": {"service": metrics.service}}
