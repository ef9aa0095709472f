"""Protect the database and the stack against deletion, after the stack has been created.

Earlier protection would prevent the rollback of a failed creation, or the deletion of the resources that remain after it,
and then no later deployment could succeed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.errors import DeletionRefused
from functions.deployment.instance import find_instance

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_rds import RDSClient

_POLL_SECONDS, _POLLS = 15, 40
"""The longest wait for an instance to become available; RDS first takes a backup of a new instance."""


def protect(rds: RDSClient, stacks: CloudFormationClient, event: dict[str, Any]) -> dict[str, str]:
    """Turn both protections on, or off if the creation of the stack is rolled back.

    The deletion of a stack with a protected database is refused: this resource is deleted first, and its failure leaves
    all others unchanged. ``cdk deploy`` turns the stack's protection off each time and only a deployment with changes
    turns it on again, so the database's protection is the decisive one. Raises ``DeletionRefused``.
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
