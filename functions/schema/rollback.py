"""Whether CloudFormation rolls the stack back, in which the schema step must not fail.

In a rollback CloudFormation sends the earlier properties to the step that has just failed. If the cause persists, such as
an unavailable database, the step would fail again. The stack would then be UPDATE_ROLLBACK_FAILED and refuse deployments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from dataforge.aws.telemetry import make_logger

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

logger = make_logger("schema")


def is_rolled_back(stacks: CloudFormationClient, stack_id: str) -> bool:
    """Whether a rollback is in progress. If the status cannot be read: no."""
    try:
        (stack,) = stacks.describe_stacks(StackName=stack_id)["Stacks"]
    except (BotoCoreError, ClientError):
        logger.exception("the status of the stack cannot be read")
        return False
    return "ROLLBACK" in stack["StackStatus"]
