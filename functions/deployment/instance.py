"""Find the instance, or the log groups of an earlier one, that exists before the database is created."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dataforge.errors import InstanceExists

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBInstanceTypeDef


def find_instance(rds: RDSClient, name: str) -> DBInstanceTypeDef | None:
    """The instance of this name, or None."""
    try:
        return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    except rds.exceptions.DBInstanceNotFoundFault:
        return None


def prepare(
    rds: RDSClient, logs: CloudWatchLogsClient, stacks: CloudFormationClient, event: dict[str, Any]
) -> dict[str, str]:
    """Prepare the creation of the instance. Returns its class without ``db.``: the present one, or that of a new instance.

    Before the first creation, the log groups of an earlier instance of this name are deleted. RDS creates them again after
    an instance is deleted, to write the last entries, and the stack could then not create its own. Raises
    ``InstanceExists`` if a new stack would use the instance of another.
    """
    if event["RequestType"] == "Delete":
        return {}
    properties = event["ResourceProperties"]
    found = find_instance(rds, properties["Instance"])
    if event["RequestType"] == "Create":
        if found is None:
            _delete_groups(logs, properties["LogGroups"])
        elif is_new(stacks, event["StackId"]):
            raise InstanceExists(properties["Instance"])
    return {
        "InstanceClass": found["DBInstanceClass"].removeprefix("db.") if found else properties["DefaultClass"]
    }


def is_new(stacks: CloudFormationClient, stack: str) -> bool:
    """Whether the stack is being created, rather than updated to a version that has this resource."""
    return stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"


def _delete_groups(logs: CloudWatchLogsClient, names: Iterable[str]) -> None:
    for name in names:
        try:
            logs.delete_log_group(logGroupName=name)
        except logs.exceptions.ResourceNotFoundException:
            continue
