"""Alarms on the API, the quality of data, functions and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_rds as rds

from dataforge.postgres.connection_budget import connections_of
from infra.api.api import Api
from infra.api.metrics import rejected_percent, rejected_text
from infra.foundation.functions import Function
from infra.monitoring.alarms import BELOW, FIVE_MINUTES, Alarms
from infra.services.deliver import Deliver
from infra.settings import Settings

REJECTED_TEXT_PERCENT = 80
"""The percentage of the budget of rejected text that raises the alarm, before it ends."""


def add_api_alarms(alarms: Alarms, api: Api, settings: Settings) -> None:
    """Add alarms on server errors, on rejected records, and on the space that they use."""
    alarms.add(
        "ApiFails",
        "The API answers repeatedly with 5xx. The access log shows the requests, the function's log the reason.",
        api.rest.metric_server_error(period=FIVE_MINUTES),
        5,
    )
    alarms.add(
        "ApiRejects",
        "Many records of clients are rejected. GET /v1/rejections returns them with their errors.",
        rejected_percent(FIVE_MINUTES),
        settings.rejection_alarm_percent,
    )
    alarms.add(
        "RejectedText",
        "The rejected records of a dataset have used most of their space in the database. Records beyond it are in S3. "
        "dataforge.rejections shows the batches and migrations; docs/operations.md states what to do.",
        rejected_text(FIVE_MINUTES),
        REJECTED_TEXT_PERCENT,
    )


def add_quality_alarm(alarms: Alarms, deliver: Deliver) -> None:
    """Add an alarm on quality scores below their thresholds."""
    alarms.add(
        "QualityBelowThreshold",
        "More records of the last day were rejected than the threshold allows. GET /v1/quality shows the rules.",
        deliver.margin(),
        0,
        comparison=BELOW,
    )


def add_key_alarm(alarms: Alarms, deliver: Deliver) -> None:
    """Add an alarm on API keys that end soon."""
    alarms.add(
        "KeysEnding",
        "API keys end soon, and their callers will be refused. `dataforge keys list` shows them; `rotate` replaces one, "
        "`limit --expires` moves its end, and `delete` ends it and the alarm.",
        deliver.keys_ending(),
        1,
    )


def add_function_alarms(alarms: Alarms, functions: Sequence[Function]) -> None:
    """Add an alarm on repeated errors of each function."""
    for function in functions:
        # A single error is usually retried by Step Functions, or is a refusal that the caller received.
        alarms.add(
            f"{function.node.id}Errors",
            f"{function.node.id} fails repeatedly. Its log shows the reason.",
            function.metric_errors(period=FIVE_MINUTES),
            5,
        )


def add_postgres_alarms(alarms: Alarms, instance: rds.DatabaseInstance, settings: Settings) -> None:
    """Add alarms on CPU, storage and connections of the instance."""
    alarms.add(
        "PostgresCpu",
        "The database has been above 90 % CPU for half an hour, which is longer than the peak of a migration.",
        instance.metric_cpu_utilization(period=FIVE_MINUTES),
        90,
        periods=6,
    )
    # Autoscaling adds storage at 10 % free space. Less means that its limit is reached or that it is too slow.
    alarms.add(
        "PostgresStorage",
        "The disk is nearly full and no longer grows. Increase maxStorageGigabytes.",
        instance.metric_free_storage_space(period=FIVE_MINUTES),
        settings.storage_gigabytes * 2**30 // 20,
        comparison=BELOW,
    )
    alarms.add(
        "PostgresConnections",
        "Nearly all connections that API, runs and exports may use are in use.",
        instance.metric_database_connections(period=FIVE_MINUTES, statistic="Maximum"),
        _busy(settings),
        periods=2,
    )


def _busy(settings: Settings) -> int:
    """Return nine tenths of the sum of the logins' connection limits, on an instance of this class."""
    known = connections_of(settings.instance_class)
    return sum(settings.budget.limits(known, settings.instance_class).values()) * 9 // 10
