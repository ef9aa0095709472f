"""Begin to watch a dataset's backups: the alarm on missing backups counts from the deployment that schedules them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.aws.metric_names import BACKUP, BACKUP_VERIFIED, NAMESPACE

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


def begin_watch(cloudwatch: CloudWatchClient, event: dict[str, Any]) -> dict[str, str]:
    """Count one verified backup for each dataset whose backups were not scheduled before this deployment."""
    if event["RequestType"] == "Delete":
        return {}
    before = event.get("OldResourceProperties", {}).get("Datasets", [])
    for dataset in event["ResourceProperties"]["Datasets"]:
        if dataset not in before:
            cloudwatch.put_metric_data(
                Namespace=NAMESPACE,
                MetricData=[
                    {
                        "MetricName": BACKUP_VERIFIED,
                        "Dimensions": [
                            {"Name": "service", "Value": BACKUP},
                            {"Name": "dataset", "Value": dataset},
                        ],
                        "Value": 1,
                        "Unit": "Count",
                    }
                ],
            )
    return {}
