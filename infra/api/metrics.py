"""The metrics that the ingest function emits, under the names and dimensions that it gives them."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from dataforge.aws.metric_names import NAMESPACE

SERVICE = {"service": "ingest"}
# Of fewer records a handful would be a high percentage, and wake somebody for a client's first try.
ENOUGH_RECORDS = 100


def accepted(period: Duration | None = None) -> cloudwatch.Metric:
    """Records that became rows, or were rows already."""
    return _metric("RecordsAccepted", "Sum", period)


def rejected(period: Duration | None = None) -> cloudwatch.Metric:
    """Records that were rejected, for whatever reason."""
    return _metric("RecordsRejected", "Sum", period)


def batch_latency(statistic: str) -> cloudwatch.Metric:
    """Milliseconds that a batch took in the function."""
    return _metric("BatchLatency", statistic, None)


def _metric(name: str, statistic: str, period: Duration | None) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map=SERVICE,
        statistic=statistic,
        period=period,
    )


def rejected_percent(period: Duration) -> cloudwatch.MathExpression:
    """Which part of all records was rejected; 0 while there are too few to tell."""
    return cloudwatch.MathExpression(
        label="Rejected records, %",
        expression=f"IF(accepted + rejected >= {ENOUGH_RECORDS}, 100 * rejected / (accepted + rejected), 0)",
        using_metrics={"accepted": accepted(period), "rejected": rejected(period)},
        period=period,
    )


def rejected_by_code() -> cloudwatch.MathExpression:
    """One line per code that occurred; an alarm could not search, so the total is a metric of its own."""
    search = f'{{{NAMESPACE},code,service}} MetricName="RecordsRejected"'
    return cloudwatch.MathExpression(label="", expression=f"SEARCH('{search}', 'Sum')", using_metrics={})
