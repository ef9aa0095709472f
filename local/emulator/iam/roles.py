"""Permissions that the role of a new function or state machine must have, as Lambda and Step Functions check them.

The emulator creates both with any role.
"""

from collections.abc import Iterator
from typing import Any

from local.emulator import stack_handlers
from local.emulator.iam.authorize import Denied, authorize, role_session
from local.emulator.iam.machines import LOGGING

INTERFACES = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
"""The actions of Lambda in EC2 for a function in a VPC."""
Needs = Iterator[tuple[str, str, str]]
"""Action, resource, and the message of a refusal."""


class WrongRole(Exception):
    """The role of a resource lacks a permission."""


def apply() -> None:
    """The creation or the update of the resource fails with the message of AWS."""
    stack_handlers.wrap(
        "iam.roles",
        stack_handlers.FUNCTION,
        before=lambda given: _require(given["Role"], _of_function(given)),
    )
    stack_handlers.wrap(
        "iam.roles",
        stack_handlers.MACHINE,
        before=lambda given: _require(given["RoleArn"], _of_machine(given)),
    )


def _require(role: str, needs: Needs) -> None:
    for action, resource, message in needs:
        try:
            authorize(role_session(role, "creation"), action, resource)
        except Denied as error:
            raise WrongRole(message) from error


def _of_function(properties: dict[str, Any]) -> Needs:
    lacking = "The provided execution role does not have permissions to call {} on {}"
    if (properties.get("VpcConfig") or {}).get("SubnetIds"):
        for action in INTERFACES:
            yield f"ec2:{action}", "*", lacking.format(action, "EC2")
    if queue := (properties.get("DeadLetterConfig") or {}).get("TargetArn"):
        yield "sqs:SendMessage", queue, lacking.format("SendMessage", "SQS")
    if (properties.get("TracingConfig") or {}).get("Mode") == "Active":
        yield "xray:PutTraceSegments", "*", lacking.format("PutTraceSegments", "XRAY")


def _of_machine(properties: dict[str, Any]) -> Needs:
    if (properties.get("LoggingConfiguration") or {}).get("Level", "OFF") != "OFF":
        for action in LOGGING:
            yield (
                f"logs:{action}",
                "*",
                "The state machine IAM Role is not authorized to access the Log Destination",
            )
