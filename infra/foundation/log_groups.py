"""Log groups with a retention period."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Settings

_RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    3653: logs.RetentionDays.TEN_YEARS,
}


def retention(settings: Settings) -> logs.RetentionDays:
    return _RETENTION[settings.log_retention_days]


def log_group(scope: Construct, id: str, settings: Settings, *, name: str | None = None) -> logs.LogGroup:
    """Create a log group. In prod it is retained when its stack is deleted."""
    return logs.LogGroup(
        scope,
        id,
        log_group_name=name,
        retention=retention(settings),
        removal_policy=RemovalPolicy.RETAIN if settings.production else RemovalPolicy.DESTROY,
    )
