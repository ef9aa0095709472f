"""What the backup's functions count, per dataset; functions/backup/handler.py writes it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from dataforge.aws.metric_names import BACKUP, BACKUP_DAMAGED, BACKUP_VERIFIED, NAMESPACE


def verified(dataset: str, period: Duration) -> cloudwatch.Metric:
    """New backups of the whole dataset that were read back and found sound."""
    return _count(BACKUP_VERIFIED, dataset, period)


def damaged(dataset: str, period: Duration) -> cloudwatch.Metric:
    """Backups that were read back and are not what was written."""
    return _count(BACKUP_DAMAGED, dataset, period)


def _count(name: str, dataset: str, period: Duration) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": BACKUP, "dataset": dataset},
        statistic="Sum",
        period=period,
    )
