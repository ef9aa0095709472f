"""The metrics of the ingest function, under its names and dimensions."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from dataforge.aws.metric_names import NAMESPACE

SERVICE = {"service": "ingest"}
# With fewer records, a few rejections of a new client would already be a high percentage.
ENOUGH_RECORDS = 100


def accepted(period: Duration | None = None) -> cloudwatch.Metric:
    """Accepted records, including unchanged ones."""
    return _metric("RecordsAccepted", "Sum", period)


def rejected(period: Duration | None = None) -> cloudwatch.Metric:
    """Rejected records."""
    return _metric("RecordsRejected", "Sum", period)


def rejected_text(period: Duration) -> cloudwatch.MathExpression:
    """Percentage of the budget that the rejected text of a dataset has used; the largest of all datasets."""
    batches = _metric("RejectedTextPercent", "Maximum", period)
    return cloudwatch.MathExpression(
        label="Used budget of rejected text, %",
        expression="MAX([FILL(batches, 0), FILL(migrations, 0)])",
        using_metrics={
            "batches": batches,
            "migrations": batches.with_(dimensions_map={"service": "migrate"}),
        },
        period=period,
    )


def batch_latency(statistic: str) -> cloudwatch.Metric:
    """Duration of a batch in the function, in milliseconds."""
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
    """Percentage of rejected records, or 0 below ``ENOUGH_RECORDS``."""
    return cloudwatch.MathExpression(
        label="Rejected records, %",
        expression=f"IF(accepted + rejected >= {ENOUGH_RECORDS}, 100 * rejected / (accepted + rejected), 0)",
        using_metrics={"accepted": accepted(period), "rejected": rejected(period)},
        period=period,
    )


def rejected_by_code() -> cloudwatch.MathExpression:
    """One line per code that occurred. Alarms do not support SEARCH, so the total is a separate metric."""
    search = f'{{{NAMESPACE},code,service}} MetricName="RecordsRejected"'
    return cloudwatch.MathExpression(label="", expression=f"SEARCH('{search}', 'Sum')", using_metrics={})
