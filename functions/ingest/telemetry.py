"""Publish metrics of a batch: counts and ids, never the content of a record."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from functions.ingest.answer import BatchAnswer


def publish_metrics(metrics: Metrics, answer: BatchAnswer, request_id: str, milliseconds: float) -> None:
    """Publish accepted and rejected records (in total, and by code) and the latency.

    The first log line contains the ids, counts and codes of the batch. A record with several errors counts once in the
    total and once for each of its codes.
    """
    metrics.add_metadata("batch_id", answer.batch_id)
    metrics.add_metadata("request_id", request_id)
    metrics.add_metadata("counts", answer.counts)
    metrics.add_metadata("codes", answer.codes)
    metrics.add_metric(
        "RecordsAccepted", MetricUnit.Count, answer.counts["received"] - answer.counts["rejected"]
    )
    metrics.add_metric("RecordsRejected", MetricUnit.Count, answer.counts["rejected"])
    metrics.add_metric("BatchLatency", MetricUnit.Milliseconds, milliseconds)
    if answer.used_budget is not None:
        metrics.add_metric("RejectedTextPercent", MetricUnit.Percent, 100 * answer.used_budget)
    metrics.flush_metrics()
    for code, count in answer.codes.items():
        with single_metric("RecordsRejected", MetricUnit.Count, count, **_where(metrics)) as metric:
            metric.add_dimension("code", code)


def _where(metrics: Metrics) -> dict[str, Any]:
    return {"namespace": metrics.namespace, "default_dimensions": {"service": metrics.service}}
