"""Protection of the database and the stack against deletion, which takes effect only after the stack was created.

Both protections would make the rollback of a failed creation fail, or the deletion of what it leaves, and then no later
deployment could succeed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.errors import DeletionRefused
from functions.deployment.instance import find_instance

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_rds import RDSClient

_POLL_SECONDS, _POLLS = 15, 40
"""How long an instance may take to be available: a new one makes its first backup."""


def protect(rds: RDSClient, stacks: CloudFormationClient, event: dict[str, Any]) -> dict[str, str]:
    """Turn both protections on; off again when a creation is rolled back.

    A stack whose database is protected is not deleted: this resource is the first to be deleted, and everything else stays.
    ``cdk deploy`` turns the stack's own protection off each time, so it is set by each deployment that changes anything,
    and what counts is the database's. Raises ``DeletionRefused``.
    """
    stack, instance = event["StackId"], event["ResourceProperties"].get("Instance", "")
    if event["RequestType"] != "Delete":
        _set(rds, stacks, stack, instance, on=True)
        return {}
    status = stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    if status == "ROLLBACK_IN_PROGRESS":
        _set(rds, stacks, stack, instance, on=False)
    elif status == "DELETE_IN_PROGRESS":
        _refuse_protected(rds, instance)
    return {}


def _set(rds: RDSClient, stacks: CloudFormationClient, stack: str, instance: str, *, on: bool) -> None:
    found = find_instance(rds, instance) if instance else None
    if found and found["DeletionProtection"] != on:
        waiter = rds.get_waiter("db_instance_available")
        waiter.wait(
            DBInstanceIdentifier=instance,
            WaiterConfig={"Delay": _POLL_SECONDS, "MaxAttempts": _POLLS},
        )
        rds.modify_db_instance(DBInstanceIdentifier=instance, DeletionProtection=on, ApplyImmediately=True)
    stacks.update_termination_protection(StackName=stack, EnableTerminationProtection=on)


def _refuse_protected(rds: RDSClient, instance: str) -> None:
    found = find_instance(rds, instance) if instance else None
    if found and found["DeletionProtection"]:
        raise DeletionRefused(instance)
