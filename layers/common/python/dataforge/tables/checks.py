"""Table checks: conditions on several columns, which the row model, the bulk path and PostgreSQL decide alike.

A check is decided from canonical texts, so that every path shares one implementation. As in SQL, it holds if a value that it
compares is NULL.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError, PydanticKnownError

from dataforge.errors.nearest import did_you_mean
from dataforge.tables.constraint_names import constraint_name
from dataforge.tables.types.base import ColumnType

OPERATORS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "=": ("eq", operator.eq),
    "<>": ("ne", operator.ne),
    "<": ("lt", operator.lt),
    "<=": ("le", operator.le),
    ">": ("gt", operator.gt),
    ">=": ("ge", operator.ge),
}
"""The operators of PostgreSQL, with the word in the name of the constraint."""

_ALIKE = ({"smallint", "integer", "bigint", "numeric"}, {"real", "double"})
_EQUALITY = {"=", "<>"}


@dataclass(frozen=True)
class Check:
    """A condition on two columns, or on a column and a value.

    ``checks=(Check("ended", ">=", "started"), Check("score", "<", value=100))``. Operators: =, <>, <, <=, >, >=.
    """

    column: str
    operator: str
    other: str = ""
    value: Any = None


@dataclass(frozen=True, init=False)
class Present:
    """The condition that at least one of some columns is not NULL: ``checks=(Present("phone", "email"),)``."""

    columns: tuple[str, ...]

    def __init__(self, *columns: str) -> None:
        object.__setattr__(self, "columns", columns)


@dataclass(frozen=True)
class Operand:
    """A column's position in the row, or a canonical text, with its type."""

    type: ColumnType
    position: int | None = None
    text: str = ""

    def of(self, row: Sequence[str | None]) -> str | None:
        """The canonical text in a row."""
        return self.text if self.position is None else row[self.position]


@dataclass(frozen=True)
class Comparison:
    """A check of two operands. ``name``: of PostgreSQL's constraint. ``text``: the condition, for people."""

    name: str
    text: str
    sign: str
    left: Operand
    right: Operand

    @cached_property
    def positions(self) -> tuple[int, ...]:
        """The columns that decide it."""
        return tuple(o.position for o in (self.left, self.right) if o.position is not None)

    def holds(self, row: Sequence[str | None]) -> bool:
        """Whether a row, given by its canonical texts, satisfies the check."""
        left, right = self.left.of(row), self.right.of(row)
        if left is None or right is None:
            return True
        return OPERATORS[self.sign][1](self._key(self.left, left), self._key(self.right, right))

    def _key(self, operand: Operand, text: str) -> Any:
        kind = operand.type
        if kind.order == "text":
            return text
        value = kind.parse(text)
        return kind.equality(value) if kind.order == "none" else kind.sort_key(value)


@dataclass(frozen=True)
class Presence:
    """A check that one of the columns at these positions is not NULL."""

    name: str
    text: str
    positions: tuple[int, ...]

    def holds(self, row: Sequence[str | None]) -> bool:
        """Whether a row, given by its canonical texts, satisfies the check."""
        return any(row[position] is not None for position in self.positions)


TableCheck = Comparison | Presence


def read_checks(
    table: str, declared: Iterable[Check | Present], types: dict[str, ColumnType]
) -> tuple[TableCheck, ...]:
    """The checks of a table with columns of these types. Raises ``ValueError`` with the mistake and a hint."""
    found: dict[str, TableCheck] = {}
    taken = {constraint_name(table, (column,), "check") for column in types}
    for check in declared:
        if not isinstance(check, Check | Present):
            raise ValueError(  # noqa: TRY004  as all declaration errors
                f"checks contains {check!r}; write Check('column', '>=', 'other') or Present('column', 'other')"
            )
        read = (
            _presence(table, check, types) if isinstance(check, Present) else _comparison(table, check, types)
        )
        if read.name in found or read.name in taken:
            raise ValueError(
                f"{read.text} has the name of another check, {read.name}; rename a column or remove one"
            )
        found[read.name] = read
    return tuple(found.values())


def _presence(table: str, check: Present, types: dict[str, ColumnType]) -> Presence:
    if len(set(check.columns)) < 2 or len(set(check.columns)) < len(check.columns):
        raise ValueError(
            "Present needs two columns or more, each once; a required column is declared without | None"
        )
    positions = tuple(_position(name, types) for name in check.columns)
    text = f"one of {', '.join(check.columns)} is present"
    return Presence(_name(table, (*check.columns, "present")), text, positions)


def _comparison(table: str, check: Check, types: dict[str, ColumnType]) -> Comparison:
    if check.operator not in OPERATORS:
        raise ValueError(
            f"Check has the operator {check.operator!r}; the operators are {' '.join(OPERATORS)}"
        )
    if bool(check.other) == (check.value is not None):
        raise ValueError(
            f"Check({check.column!r}, {check.operator!r}, …) needs either another column or value=…"
        )
    left = Operand(types[_known(check.column, types)], _position(check.column, types))
    word = OPERATORS[check.operator][0]
    if check.other:
        right = Operand(types[_known(check.other, types)], _position(check.other, types))
        shown, parts = check.other, [check.column, word, check.other]
    else:
        right = Operand(left.type, text=_literal(check, left.type))
        shown, parts = right.text, [check.column, word]
    text = f"{check.column} {check.operator} {shown}"
    _refuse_types(text, check, left.type, right.type)
    return Comparison(_name(table, parts), text, check.operator, left, right)


def _literal(check: Check, kind: ColumnType) -> str:
    try:
        return kind.text(kind.parse(check.value))
    except (ValueError, TypeError, ValidationError, PydanticCustomError, PydanticKnownError):
        raise ValueError(
            f"Check of {check.column} has the value {check.value!r}, which is not {kind.catalog}"
        ) from None


def _refuse_types(text: str, check: Check, left: ColumnType, right: ColumnType) -> None:
    if left.name != right.name and not any({left.name, right.name} <= alike for alike in _ALIKE):
        raise ValueError(
            f"Check {text} compares {left.catalog} with {right.catalog}; declare both columns with the same type"
        )
    if "none" in (left.order, right.order) and check.operator not in _EQUALITY:
        raise ValueError(f"Check {text}: values of {left.catalog} have no order here; use = or <>")


def _known(name: str, types: dict[str, ColumnType]) -> str:
    if name not in types:
        raise ValueError(
            f"a check names {name!r}, which is not a column{did_you_mean(name, types)}. The columns: {', '.join(types)}"
        )
    return name


def _position(name: str, types: dict[str, ColumnType]) -> int:
    return list(types).index(_known(name, types))


def _name(table: str, parts: Sequence[str]) -> str:
    return constraint_name(table, parts, "check")
