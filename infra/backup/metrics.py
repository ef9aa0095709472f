"""Metrics per dataset that functions/backup/handler.py writes."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from dataforge.aws.metric_names import BACKUP, BACKUP_DAMAGED, BACKUP_VERIFIED, NAMESPACE


def verified(dataset: str, period: Duration) -> cloudwatch.Metric:
    """New backups of all tables of a dataset that were verified."""
    return _count(BACKUP_VERIFIED, dataset, period)


def damaged(dataset: str, period: Duration) -> cloudwatch.Metric:
    """Backups whose verification found a fault."""
    return _count(BACKUP_DAMAGED, dataset, period)


def _count(name: str, dataset: str, period: Duration) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": BACKUP, "dataset": dataset},
        statistic="Sum",
        period=period,
    )
