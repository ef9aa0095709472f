"""What a row model may say. pydantic accepts much more: it would be ignored, or fail in the middle of a run.

Every function raises ``ValueError`` with what is wrong and the way out; ``dataforge.tables.modules`` adds dataset and table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, StringConstraints, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dataforge.tables.columns import Clean, Digest, Key, References

IDENTIFIER_BYTES = 63
"""PostgreSQL cuts longer names silently."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
_TAKEN_DATASETS = re.compile(r"dataforge.*|public|information_schema|pg_.*|shadow_.*")

_HEADER = (
    "the header of its file is the column's name, so rename the column; another header cannot be declared yet"
)
_BOUNDS = "declare bounds with Field(ge=…, le=…), which PostgreSQL checks alike"
_CHECKED = "declare it with Field(ge=…, le=…, max_length=…, pattern=…), Literal or Clean(), which PostgreSQL checks alike"
_ATTRIBUTES = {
    "alias": _HEADER,
    "validation_alias": _HEADER,
    "serialization_alias": _HEADER,
    "exclude": "every column is stored; leave it out of the class if it is not wanted",
    "exclude_if": "every column is stored; leave it out of the class if it is not wanted",
    "discriminator": "a column holds one plain value",
}
_UNCHECKED = {
    "gt": _BOUNDS,
    "lt": _BOUNDS,
    "multiple_of": _BOUNDS,
    "strict": "values of files are texts, so leave it out",
    "strip_whitespace": "declare Clean(), whose changes are counted",
    "to_upper": "declare Clean(upper=True), whose changes are counted",
    "to_lower": "declare a pattern or Literal; lower case cannot be made yet",
    "ascii_only": "declare a pattern such as ^[ -~]*$",
    "coerce_numbers_to_str": "numbers in a text column are errors",
}
_VOCABULARY = "dataforge.tables.columns"
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


def refuse_name(what: str, name: str) -> None:
    """Refuse a name of a table or column that the database, or Data Forge's own names, leave no room for."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{what} {name!r} must match {NAME.pattern}: lower-case ASCII letters, digits and _, at most 41; rename it"
        )
    if name in _SYSTEM_COLUMNS:
        raise ValueError(f"{what} {name!r} has a name that PostgreSQL keeps for itself; rename it")


def refuse_dataset_name(name: str) -> None:
    """Refuse a dataset whose schema could not be made, or is used otherwise."""
    refuse_name("the dataset", name)
    if _TAKEN_DATASETS.fullmatch(name):
        raise ValueError(
            f"the dataset {name!r} has the name of a schema that is used otherwise; rename its module"
        )


def refuse_model(model: type[BaseModel], base: type[BaseModel]) -> None:
    """Refuse what a row model says beside its columns and that would be ignored: settings, hooks, private attributes."""
    for name in model.__private_attributes__:
        raise ValueError(
            f"column {name!r} would not exist: to pydantic a leading _ means a private attribute; "
            "rename it, or make it a ClassVar if it is not a column"
        )
    changed = sorted(
        k for k in {*model.model_config, *base.model_config} if _setting(model, k) != _setting(base, k)
    )
    if changed:
        raise ValueError(
            f"model_config changes {', '.join(changed)}; all row models have one configuration: leave it out"
        )
    for kind, what in _HOOKS.items():
        for hook in getattr(model.__pydantic_decorators__, kind):
            raise ValueError(f"{hook} is {what}, which is not run for values of files; {_CHECKED}")
    for parent in model.__mro__[: model.__mro__.index(base)]:
        for hook in {"model_post_init", "__init__"} & vars(parent).keys():
            raise ValueError(f"{hook} is not run for values of files; {_CHECKED}")
    if not model.__pydantic_fields__:
        raise ValueError("it declares no column")


def _setting(model: type[BaseModel], name: str) -> Any:
    return model.model_config.get(name, PydanticUndefined)


def refuse_field(name: str, info: FieldInfo, metadata: Sequence[Any], *, nullable: bool) -> None:
    """Refuse attributes, defaults and annotations of a field that would be ignored. ``metadata``: all, however nested."""
    for item in (info, *(m for m in metadata if isinstance(m, FieldInfo))):
        for attribute, hint in _ATTRIBUTES.items():
            if getattr(item, attribute, None) is not None:
                raise ValueError(f"column {name} has {attribute}, which Data Forge ignores: {hint}")
    _refuse_default(name, info, metadata, nullable=nullable)
    for item in metadata:
        # conint() and its like leave None where nothing is said.
        if item is not None:
            _refuse_item(name, item)


def _refuse_default(name: str, info: FieldInfo, metadata: Sequence[Any], *, nullable: bool) -> None:
    if info.default_factory is not None:
        digests = [m for m in metadata if isinstance(m, Digest)]
        if nullable or getattr(info.default_factory, "__self__", None) not in digests:
            raise ValueError(
                f"column {name} needs the default None, or none: a default_factory is its Digest's alone, "
                "for a run that is repeated must make the same rows"
            )
    elif nullable and info.default is not None:
        raise ValueError(f"nullable column {name} needs the default None: write `… | None = None`")
    elif not nullable and info.default is None:
        raise ValueError(f"column {name} has the default None and is not nullable: write `… | None = None`")


def _refuse_item(name: str, item: Any) -> None:
    if item in (Key, References, Clean, Digest):
        raise ValueError(
            f"column {name} is annotated with the class {item.__name__}: write {item.__name__}(…)"
        )
    for attribute, hint in _UNCHECKED.items():
        if getattr(item, attribute, None) is not None:
            raise ValueError(
                f"column {name} says {attribute}, which cannot be checked everywhere alike: {hint}"
            )
    function = getattr(item, "func", None)
    if function is not None:
        if getattr(function, "__module__", None) != _VOCABULARY:
            raise ValueError(
                f"column {name} has a validator of its own, which is not run for every value; {_CHECKED}"
            )
    elif not (
        type(item).__module__ == _VOCABULARY
        or isinstance(item, FieldInfo | StringConstraints)
        or any(getattr(item, bound, None) is not None for bound in _PYDANTIC_BOUNDS)
    ):
        raise ValueError(f"column {name} is annotated with {item!r}, which means nothing here; {_CHECKED}")


def refuse_choices(name: str, choices: Sequence[Any]) -> None:
    """Refuse a Literal that is not of texts which a file can hold."""
    if any(choice is None for choice in choices):
        raise ValueError(f"column {name}: None is not a choice; write Literal[…] | None = None")
    wrong = [choice for choice in choices if not isinstance(choice, str)]
    if wrong:
        raise ValueError(
            f"column {name}: the choices of a Literal are texts, and {wrong[0]!r} is none. For whole numbers write "
            "Annotated[Integer, Field(ge=…, le=…)], for true and false bool, for codes Literal['0', '1']"
        )
    if any(not choice or "\0" in choice or choice != choice.strip() for choice in choices):
        raise ValueError(
            f"column {name}: a choice is not empty, has no outer white space and no NUL; NULL is `| None`"
        )


def refuse_wrong_default(name: str, default: Any, adapter: TypeAdapter[Any]) -> None:
    """Raise ``ValueError`` for a default that is not a value of the column: pydantic does not validate it."""
    try:
        value = adapter.validate_python(default)
    except ValidationError as error:
        raise ValueError(
            f"column {name}: its default {default!r} is not valid: {error.errors()[0]['msg']}"
        ) from None
    if type(value) is not type(default) or value != default:
        raise ValueError(f"column {name}: its default {default!r} is read as {value!r}; write that")
