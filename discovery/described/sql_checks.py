"""CHECK conditions of SQL as checks of a table and as enumerations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from dataforge import Check

_SIGNS: dict[type[exp.Expr], tuple[str, str]] = {
    exp.EQ: ("=", "="),
    exp.NEQ: ("<>", "<>"),
    exp.LT: ("<", ">"),
    exp.LTE: ("<=", ">="),
    exp.GT: (">", "<"),
    exp.GTE: (">=", "<="),
}
"""The operators, and those for swapped operands."""


@dataclass(frozen=True)
class Choices:
    """The only texts that a column has."""

    column: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Length:
    """A bound of a text's length: ``sign`` is an operator of ``Check``."""

    column: str
    sign: str
    characters: int


def conditions(tree: exp.Expr) -> Iterator[Check | Choices | Length | None]:
    """The conditions that a CHECK requires together; None for one that Data Forge cannot declare."""
    tree = bare(tree)
    if isinstance(tree, exp.And):
        yield from conditions(tree.this)
        yield from conditions(tree.expression)
    elif isinstance(tree, exp.Between):
        yield _comparison(tree.this, ">=", tree.args["low"])
        yield _comparison(tree.this, "<=", tree.args["high"])
    elif isinstance(tree, exp.In):
        yield _choices(tree.this, tree.expressions)
    elif isinstance(tree, exp.EQ) and isinstance(listed := bare(tree.expression), exp.Any):
        array = bare(listed.this)
        yield _choices(tree.this, array.expressions if isinstance(array, exp.Array) else [])
    elif type(tree) in _SIGNS:
        yield _length(tree) or _compared(tree)
    else:
        yield None


def bare(tree: exp.Expr) -> exp.Expr:
    """The expression without parentheses and casts."""
    while isinstance(tree, exp.Paren | exp.Cast):
        tree = tree.this
    return tree


def _length(tree: exp.Expr) -> Length | None:
    """The condition that a text has at least or at most a number of characters."""
    left, right = bare(tree.this), bare(tree.expression)
    if not isinstance(left, exp.Length) or not isinstance(right, exp.Literal) or right.is_string:
        return None
    column, sign = bare(left.this), _SIGNS[type(tree)][0]
    known = isinstance(column, exp.Column) and sign in {"<=", ">="} and right.name.isdecimal()
    return Length(column.name, sign, int(right.name)) if known else None


def _compared(tree: exp.Expr) -> Check | None:
    sign, swapped = _SIGNS[type(tree)]
    if isinstance(bare(tree.this), exp.Column):
        return _comparison(tree.this, sign, tree.expression)
    return _comparison(tree.expression, swapped, tree.this)


def _comparison(left: exp.Expr, sign: str, right: exp.Expr) -> Check | None:
    column, other = bare(left), bare(right)
    if not isinstance(column, exp.Column):
        return None
    if isinstance(other, exp.Column):
        return Check(column.name, sign, other.name)
    value = _value(other)
    return None if value is None else Check(column.name, sign, value=value)


def _value(tree: exp.Expr) -> int | float | str | None:
    if isinstance(tree, exp.Neg):
        value = _value(bare(tree.this))
        return None if value is None or isinstance(value, str) else -value
    if not isinstance(tree, exp.Literal):
        return None
    if tree.is_string:
        return tree.name
    try:
        return int(tree.name)
    except ValueError:
        return float(tree.name)


def _choices(column: exp.Expr, listed: list[exp.Expr]) -> Choices | None:
    named, texts = bare(column), [bare(item) for item in listed]
    if not isinstance(named, exp.Column) or not texts:
        return None
    if not all(isinstance(text, exp.Literal) and text.is_string for text in texts):
        return None
    return Choices(named.name, tuple(dict.fromkeys(text.name for text in texts)))
