"""Run code before and after CloudFormation creates or updates a resource of a type. Patches of one type share this place."""

from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

from local.emulator.anchors import require

FUNCTION, MACHINE = "AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"
Properties = dict[str, Any]


def wrap(
    patch: str,
    kind: str,
    *,
    before: Callable[[Properties], None] = lambda _properties: None,
    after: Callable[[str, Properties], None] = lambda _physical_id, _properties: None,
) -> None:
    """Call both with the new properties. An exception of either fails the resource; a created one is then deleted."""
    require(patch, provisioners, "_RESOURCE_HANDLERS")
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def create_wrapped(logical_id: str, properties: Properties, *rest: Any, **others: Any) -> Any:
        before(properties)
        created = create(logical_id, properties, *rest, **others)
        try:
            after(created[0], properties)
        except Exception:
            delete(created[0], properties)
            raise
        return created

    def update_wrapped(physical_id: str, old: Properties, new: Properties, *rest: Any, **others: Any) -> Any:
        before(new)
        updated = update(physical_id, old, new, *rest, **others)
        after(updated[0], new)
        return updated

    handlers.update(create=create_wrapped, update=update_wrapped)
