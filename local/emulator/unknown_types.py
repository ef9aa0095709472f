"""Record resources of CloudFormation types that the emulator rejects, without effect."""

from typing import Any

from ministack.core.responses import new_uuid
from ministack.services.cloudformation import provisioners

from local.emulator.anchors import require

TYPES = ("AWS::EC2::FlowLog",)


def apply() -> None:
    """The types do not matter to the emulator, but it fails the deployment of a template that contains one."""
    require("unknown_types", provisioners, "_RESOURCE_HANDLERS")
    for name in TYPES:
        provisioners._RESOURCE_HANDLERS.setdefault(
            name, {"create": _create, "update": _update, "delete": _delete}
        )


def _create(logical_id: str, _properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    identifier = f"{stack}-{logical_id}-{new_uuid()[:8]}"
    return identifier, {"Id": identifier, "Arn": f"arn:aws:local:::{identifier}"}


def _update(
    identifier: str, _old: dict[str, Any], _new: dict[str, Any], _stack: str
) -> tuple[str, dict[str, str]]:
    return identifier, {"Id": identifier, "Arn": f"arn:aws:local:::{identifier}"}


def _delete(_identifier: str, _properties: dict[str, Any]) -> None:
    """Do nothing: no resource was created."""
