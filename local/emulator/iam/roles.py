"""Permissions that the role of a new function or state machine must have, as Lambda and Step Functions check them.

The emulator creates both with any role.
"""

from collections.abc import Iterator
from typing import Any

from ministack.services.cloudformation import provisioners

from local.emulator.anchors import require
from local.emulator.iam.authorize import Denied, authorize, role_session
from local.emulator.iam.machines import LOGGING

FUNCTION, MACHINE = "AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"
INTERFACES = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
"""The actions of Lambda in EC2 for a function in a VPC."""
Needs = Iterator[tuple[str, str, str]]
"""Action, resource, and the message of a refusal."""


class WrongRole(Exception):
    """The role of a resource lacks a permission."""


def apply() -> None:
    """The creation or the update of the resource fails with the message of AWS."""
    require("iam.roles", provisioners, "_RESOURCE_HANDLERS")
    handlers = provisioners._RESOURCE_HANDLERS
    for kind, name, needs in ((FUNCTION, "Role", _of_function), (MACHINE, "RoleArn", _of_machine)):
        handlers[kind] = _checked(handlers[kind], name, needs)


def _checked(original: dict[str, Any], name: str, needs: Any) -> dict[str, Any]:
    create, update = original["create"], original["update"]

    def create_checked(logical_id: str, properties: Any, *rest: Any, **others: Any) -> Any:
        _require(properties[name], needs(properties))
        return create(logical_id, properties, *rest, **others)

    def update_checked(identifier: str, old: Any, new: Any, *rest: Any, **others: Any) -> Any:
        _require(new[name], needs(new))
        return update(identifier, old, new, *rest, **others)

    return {**original, "create": create_checked, "update": update_checked}


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
