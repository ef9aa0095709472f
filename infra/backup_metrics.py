"""What the backup's functions count, per dataset; functions/backup/handler.py writes it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.functions import METRICS_NAMESPACE


def verified(dataset: str, period: Duration) -> cloudwatch.Metric:
    """New backups of the whole dataset that were read back and found sound."""
    return _count("BackupVerified", dataset, period)


def damaged(dataset: str, period: Duration) -> cloudwatch.Metric:
    """Backups that were read back and are not what was written."""
    return _count("BackupDamaged", dataset, period)


def _count(name: str, dataset: str, period: Duration) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=name,
        dimensions_map={"service": "backup", "dataset": dataset},
        statistic="Sum",
        period=period,
    )
