"""Check that a log line, a metric and a trace of a function without internet access arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dataforge.aws.metric_names import NAMESPACE
from local.smoke_aws.until import until

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient


_MINUTES = 10
_SECONDS = 300.0


def prove_log_line(logs: CloudWatchLogsClient, group: str, text: str, seconds: float = _SECONDS) -> str:
    """A line of a function's log that contains ``text`` and was written in the last minutes."""
    start = int((datetime.now(UTC) - timedelta(minutes=_MINUTES)).timestamp() * 1000)

    def find() -> str | None:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=start, filterPattern=f'"{text}"'
        )
        return next((event["message"] for page in pages for event in page["events"]), None)

    return until(f"a line with {text!r} in {group}", find, seconds)


def prove_metric(cloudwatch: CloudWatchClient, name: str, service: str, seconds: float = _SECONDS) -> float:
    """A custom metric's sum over the last minutes, which is not 0."""
    dimensions: list[DimensionTypeDef] = [{"Name": "service", "Value": service}]

    def find() -> float | None:
        now = datetime.now(UTC)
        answer = cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - timedelta(minutes=_MINUTES),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in answer["Datapoints"]))

    return until(f"the metric {name} of {service}", find, seconds)


def prove_trace(xray: Any, segment: str, seconds: float = _SECONDS) -> str:
    """The id of a trace of the last minutes that went through the service or function ``segment``."""

    def find() -> str | None:
        now = datetime.now(UTC)
        pages = xray.get_paginator("get_trace_summaries").paginate(
            StartTime=now - timedelta(minutes=_MINUTES), EndTime=now, FilterExpression=f'service("{segment}")'
        )
        return next((trace["Id"] for page in pages for trace in page["TraceSummaries"]), None)

    return until(f"a trace through {segment}", find, seconds)
