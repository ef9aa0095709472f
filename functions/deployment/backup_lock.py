"""Lock the backups of a new stack against deletion, and report whether those of an existing one are locked.

The template cannot do it: it would be the same for a new and an existing stack, and CloudFormation replaces an existing
bucket whose Object Lock a template turns on or off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from functions.deployment.instance import is_new

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

NOT_LOCKED = (
    "off, because the stack is older than the default; docs/backup.md describes how to lock its backups"
)


def lock_backups(s3: S3Client, stacks: CloudFormationClient, event: dict[str, Any]) -> dict[str, str]:
    """Lock each object of a new stack's backup bucket for ``Days``, in governance mode. Returns the ``State`` of the bucket.

    The setting of an existing stack is not changed.
    """
    properties = event["ResourceProperties"]
    bucket, days = properties["Bucket"], int(properties["Days"])
    if event["RequestType"] == "Delete":
        return {}
    if event["RequestType"] == "Create" and is_new(stacks, event["StackId"]):
        s3.put_object_lock_configuration(
            Bucket=bucket,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": days}},
            },
        )
    return {"State": _state(s3, bucket)}


def _state(s3: S3Client, bucket: str) -> str:
    try:
        found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ObjectLockConfigurationNotFoundError":
            return NOT_LOCKED
        raise
    retention = found.get("Rule", {}).get("DefaultRetention", {})
    if "Mode" not in retention:
        return NOT_LOCKED
    unit = "Days" if retention.get("Days") else "Years"
    return f"{retention['Mode'].lower()}, {retention.get(unit)} {unit.lower()}"
