"""Parse filters in PostgREST's syntax, ``column=op.value``, into SQL conditions with parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dataforge.errors import InvalidRequest
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Column, Table
from dataforge.tables.types.text import Text
from functions.deliver.records.values import read_list, read_value, sql_type

COMPARISONS = {
    "eq": Sql("="),
    "neq": Sql("<>"),
    "gt": Sql(">"),
    "gte": Sql(">="),
    "lt": Sql("<"),
    "lte": Sql("<="),
}
OPERATORS = (*COMPARISONS, "in", "is", "like")

_TESTS = {"null": Sql("IS NULL"), "not_null": Sql("IS NOT NULL")}
_WILD = str.maketrans({"*": "%", "%": r"\%", "_": r"\_", "\\": r"\\"})
"""The only wildcard is ``*``. PostgreSQL's wildcards are escaped."""


@dataclass(frozen=True)
class Filter:
    """One condition: SQL with a placeholder for each value. ``ranged``: an index on the column can be used."""

    column: str
    sql: Sql
    values: tuple[Any, ...] = ()
    ranged: bool = True


def read_filter(table: Table, name: str, text: str) -> Filter:
    """Parse one query parameter. Raises ``InvalidRequest`` with column, operator and value."""
    column = table.by_name.get(name)
    if column is None:
        raise _wrong(name, "unknown_column", f"{table.name} has no column {name[:100]!r}")
    operator, dot, value = text.partition(".")
    if not dot or operator not in OPERATORS:
        known = ", ".join(OPERATORS)
        raise _wrong(
            name,
            "unknown_operator",
            f"{name}={text[:100]!r}: the syntax is {name}=op.value, with op one of {known}",
        )
    try:
        return _READERS.get(operator, _comparison)(column, operator, value)
    except ValueError as error:
        raise _wrong(
            name,
            "wrong_value",
            f"{name}: {value[:100]!r} is not a valid value for {operator}: {_reason(error, column)}",
        ) from None


def _comparison(column: Column, operator: str, value: str) -> Filter:
    sql = Sql("{} {} %s::{}").format(ident(column.name), COMPARISONS[operator], sql_type(column))
    return Filter(column.name, sql, (read_value(column, value),), ranged=operator != "neq")


def _in(column: Column, operator: str, value: str) -> Filter:  # noqa: ARG001  all readers have the same parameters
    values = [read_value(column, item) for item in read_list(value)]
    return Filter(
        column.name, Sql("{} = ANY (%s::{}[])").format(ident(column.name), sql_type(column)), (values,)
    )


def _is(column: Column, operator: str, value: str) -> Filter:  # noqa: ARG001
    if value not in _TESTS:
        raise ValueError(f"expected {' or '.join(_TESTS)}")
    return Filter(column.name, Sql("{} {}").format(ident(column.name), _TESTS[value]))


def _like(column: Column, operator: str, value: str) -> Filter:  # noqa: ARG001
    if not isinstance(column.type, Text):
        raise ValueError("like requires a text column")  # noqa: TRY004  the caller reports it
    pattern = read_value(column, value).translate(_WILD)
    return Filter(
        column.name,
        Sql("{} LIKE %s").format(ident(column.name)),
        (pattern,),
        ranged=not value.startswith("*"),
    )


_READERS: dict[str, Callable[[Column, str, str], Filter]] = {"in": _in, "is": _is, "like": _like}


def _reason(error: ValueError, column: Column) -> str:
    """The reason why a value is invalid: the first message of pydantic, or the error's text."""
    found: Sequence[Any] = getattr(error, "errors", list)()
    return found[0]["msg"] if found else str(error) or f"not a valid {column.type.sql}"


def _wrong(name: str, code: str, message: str) -> InvalidRequest:
    return InvalidRequest(
        f"The query is invalid: {message}.", [{"parameter": name[:100], "code": code, "message": message}]
    )
