"""Refuse row models with names, settings, annotations or defaults that Data Forge does not support.

pydantic accepts much more, which would be ignored, or would fail during a run.

Every function raises ``ValueError`` with the mistake and a hint; ``dataforge.tables.modules`` adds dataset and table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, StringConstraints, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import Digest, Header, Identity, Key, References, Renamed, Unique
from dataforge.tables.types.base import ColumnType

_HEADER = "declare a different name in files with Header('…')"
_BOUNDS = "declare bounds with Field(ge=…, le=…), which PostgreSQL checks in the same way"
_CHECKED = (
    "declare it with Field(ge=…, le=…, max_length=…, pattern=…), Literal or Clean(), "
    "which PostgreSQL checks in the same way"
)
_ATTRIBUTES = {
    "alias": _HEADER,
    "validation_alias": _HEADER,
    "serialization_alias": _HEADER,
    "exclude": "every column is stored; to omit a column, remove it from the class",
    "exclude_if": "every column is stored; to omit a column, remove it from the class",
    "discriminator": "a column stores one plain value",
}
_UNCHECKED = {
    "gt": _BOUNDS,
    "lt": _BOUNDS,
    "multiple_of": _BOUNDS,
    "strict": "values in files are text; remove it",
    "strip_whitespace": "declare Clean(), which counts its changes",
    "to_upper": "declare Clean(upper=True), which counts its changes",
    "to_lower": "declare Clean(lower=True), which counts its changes",
    "ascii_only": "declare a pattern such as ^[ -~]*$",
    "coerce_numbers_to_str": "a number in a text column is an error",
}
_VOCABULARY = ("dataforge.tables.cleaning", "dataforge.tables.columns", "dataforge.tables.value_formats")
_PYDANTIC_BOUNDS = {
    "ge",
    "le",
    "min_length",
    "max_length",
    "pattern",
    "max_digits",
    "decimal_places",
    "allow_inf_nan",
}
_HOOKS = {
    "field_validators": "a validator",
    "validators": "a validator",
    "root_validators": "a validator",
    "model_validators": "a validator",
    "field_serializers": "a serializer",
    "model_serializers": "a serializer",
    "computed_fields": "a computed field",
}


def refuse_model(model: type[BaseModel], base: type[BaseModel]) -> None:
    """Refuse what pydantic accepts beside columns, and Data Forge ignores: settings, hooks, private attributes."""
    for name in model.__private_attributes__:
        raise ValueError(
            f"{name!r} is not a column: pydantic treats a name with a leading underscore as a private attribute; "
            "rename it, or declare it as a ClassVar"
        )
    changed = sorted(
        k for k in {*model.model_config, *base.model_config} if _setting(model, k) != _setting(base, k)
    )
    if changed:
        raise ValueError(
            f"model_config changes {', '.join(changed)}; all row models share one configuration: remove it"
        )
    for kind, what in _HOOKS.items():
        for hook in getattr(model.__pydantic_decorators__, kind):
            raise ValueError(f"{hook} is {what}, which does not run for values from files; {_CHECKED}")
    for parent in model.__mro__[: model.__mro__.index(base)]:
        for hook in {"model_post_init", "__init__"} & vars(parent).keys():
            raise ValueError(f"{hook} does not run for values from files; {_CHECKED}")
    if not model.__pydantic_fields__:
        raise ValueError("the class declares no column; add one, such as name: Label")


def _setting(model: type[BaseModel], name: str) -> Any:
    return model.model_config.get(name, PydanticUndefined)


def refuse_field(name: str, info: FieldInfo, metadata: Sequence[Any], *, nullable: bool) -> None:
    """Refuse attributes, defaults and annotations that Data Forge ignores. ``metadata``: the field's own and nested ones."""
    for item in (info, *(m for m in metadata if isinstance(m, FieldInfo))):
        for attribute, hint in _ATTRIBUTES.items():
            if getattr(item, attribute, None) is not None:
                raise ValueError(f"column {name} has {attribute}, which Data Forge ignores: {hint}")
    _refuse_default(name, info, metadata, nullable=nullable)
    for item in metadata:
        # conint() and similar functions add None for each argument that was not passed.
        if item is not None:
            _refuse_item(name, item)


def _refuse_default(name: str, info: FieldInfo, metadata: Sequence[Any], *, nullable: bool) -> None:
    if info.default_factory is not None:
        digests = [m for m in metadata if isinstance(m, Digest)]
        if nullable or getattr(info.default_factory, "__self__", None) not in digests:
            raise ValueError(
                f"column {name} has a default_factory; only a Digest may have one, because a repeated run must create "
                "the same rows: remove it, or set the default None"
            )
    elif nullable and info.default is not None:
        raise ValueError(f"column {name} is nullable and needs the default None: write `… | None = None`")
    elif not nullable and info.default is None:
        raise ValueError(f"column {name} has the default None and is not nullable: write `… | None = None`")


def _refuse_item(name: str, item: Any) -> None:
    if item in (Key, References, Clean, Digest, Header, Identity, Renamed, Unique):
        raise ValueError(
            f"column {name} is annotated with the class {item.__name__}: write {item.__name__}(…)"
        )
    for attribute, hint in _UNCHECKED.items():
        if getattr(item, attribute, None) is not None:
            raise ValueError(
                f"column {name} has {attribute}, which PostgreSQL and pydantic cannot check in the same way: {hint}"
            )
    function = getattr(item, "func", None)
    if function is not None:
        if getattr(function, "__module__", None) not in _VOCABULARY:
            raise ValueError(
                f"column {name} has a custom validator, which does not run for every value; {_CHECKED}"
            )
    elif not (
        type(item).__module__ in _VOCABULARY
        or isinstance(item, ColumnType | FieldInfo | StringConstraints)
        or any(getattr(item, bound, None) is not None for bound in _PYDANTIC_BOUNDS)
    ):
        raise ValueError(f"column {name} is annotated with {item!r}, which Data Forge ignores; {_CHECKED}")


def refuse_choices(name: str, choices: Sequence[Any]) -> None:
    """Refuse a Literal with choices that are not text, or that a file cannot contain."""
    if any(choice is None for choice in choices):
        raise ValueError(f"column {name} has None as a choice; write Literal[…] | None = None")
    if all(type(choice) is int for choice in choices):
        _refuse_large(name, choices)
        return
    wrong = [choice for choice in choices if not isinstance(choice, str)]
    if wrong:
        raise ValueError(
            f"column {name} has the choice {wrong[0]!r}; choices must be all text or all integers: "
            "for true and false declare bool, for codes Literal['0', '1']"
        )
    if any(not choice or "\0" in choice or choice != choice.strip() for choice in choices):
        raise ValueError(
            f"column {name} has a choice that is empty, or has leading or trailing white space or a NUL character; "
            "for NULL write `| None`"
        )


def _refuse_large(name: str, choices: Sequence[int]) -> None:
    large = [choice for choice in choices if not -(2**31) <= choice < 2**31]
    if large:
        raise ValueError(f"column {name} has the choice {large[0]}, which an integer column cannot store")


def refuse_wrong_default(name: str, default: Any, adapter: TypeAdapter[Any]) -> None:
    """Refuse a default that is not a valid value of the column, which pydantic does not check."""
    try:
        value = adapter.validate_python(default)
    except ValidationError as error:
        raise ValueError(
            f"column {name} has an invalid default {default!r}: {error.errors()[0]['msg']}"
        ) from None
    if type(value) is not type(default) or value != default:
        raise ValueError(
            f"column {name} has the default {default!r}, which is read as {value!r}; write {value!r}"
        )
