"""`Fn::GetAtt: [Vpc, CidrBlock]`, which interface endpoints' security groups use."""

from typing import Any

from ministack.services.cloudformation import provisioners

from local.emulator.anchors import require

TYPE = "AWS::EC2::VPC"


def apply() -> None:
    """The emulator knows the range but does not offer it as an attribute."""
    require("vpc", provisioners, "_RESOURCE_HANDLERS", "_ec2_vpc_create")
    original = provisioners._ec2_vpc_create

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        identifier, attributes = original(logical_id, properties, stack)
        return identifier, {"CidrBlock": properties["CidrBlock"], **attributes}

    # The emulator's own update replaces a VPC through the module's name, a new stack through the table.
    provisioners._ec2_vpc_create = create
    provisioners._RESOURCE_HANDLERS[TYPE] = {**provisioners._RESOURCE_HANDLERS[TYPE], "create": create}
