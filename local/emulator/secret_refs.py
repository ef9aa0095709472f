"""Resolve ``Ref`` of a secret to its ARN, as CloudFormation does.

The emulator resolves it to the name, so a policy that names the secret matches nothing.
"""

from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from local.emulator.anchors import require

TYPE = "AWS::SecretsManager::Secret"
Result = tuple[str, dict[str, str]]


def apply() -> None:
    """The id of the resource becomes the ARN; the emulator's handlers get the name."""
    require("secret_refs", provisioners, "_RESOURCE_HANDLERS")
    require("secret_refs", secretsmanager, "_resolve")
    handlers = provisioners._RESOURCE_HANDLERS[TYPE]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]
    # In the data of an earlier version ids are names. An update replaces the id, after which the emulator deletes the
    # resource with the old one.
    replaced = set[str]()

    def create_with_arn(logical_id: str, properties: Any, stack: str) -> Result:
        _, attributes = create(logical_id, properties, stack)
        return attributes["Arn"], attributes

    def update_with_arn(
        identifier: str, old: Any, new: Any, stack: str, logical_id: str | None = None
    ) -> Result:
        _, attributes = update(_name(identifier), old, new, stack, logical_id=logical_id)
        if identifier == _name(attributes["Arn"]):
            replaced.add(identifier)
        return attributes["Arn"], attributes

    def delete_by_name(identifier: str, properties: Any) -> None:
        if identifier in replaced:
            replaced.remove(identifier)
        else:
            delete(_name(identifier), properties)

    provisioners._RESOURCE_HANDLERS[TYPE] = {
        **handlers,
        "create": create_with_arn,
        "update": update_with_arn,
        "delete": delete_by_name,
    }


def _name(identifier: str) -> str:
    _, secret = secretsmanager._resolve(identifier)
    return str(secret["Name"]) if secret else identifier
