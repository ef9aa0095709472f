"""SQL as a type: text that only literals of the source code, quoted names and numbers enter. Pure: it loads no driver."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any


class Sql(str):
    """A statement, or a part of one, that is safe to execute.

    ``Sql("…")`` takes a literal of the source code, never a value. Other parts enter by ``format``, ``join`` and
    ``+``, which refuse a plain ``str``. Values are passed to ``cursor.execute`` as parameters.

    >>> Sql("SELECT {} FROM {} WHERE id = %s LIMIT {}").format(ident("city"), ident("a b"), 10)
    'SELECT "city" FROM "a b" WHERE id = %s LIMIT 10'
    >>> Sql(", ").join(map(ident, ["a", "b"]))
    '"a", "b"'
    """

    __slots__ = ()

    def format(self, *parts: Sql | int, **named: Sql | int) -> Sql:  # type: ignore[override]  # narrower on purpose
        """The text with each ``{}`` replaced by a part. Raises ``TypeError`` for a plain ``str``."""
        for part in (*parts, *named.values()):
            _require_sql(part)
        return Sql(str.format(self, *parts, **named))

    def join(self, parts: Iterable[Sql]) -> Sql:  # type: ignore[override]  # narrower on purpose
        """The parts with this text in between. Raises ``TypeError`` for a plain ``str``."""
        joined = list(parts)
        for part in joined:
            _require_sql(part)
        return Sql(str.join(self, joined))

    def __add__(self, other: Sql) -> Sql:  # type: ignore[override]  # narrower on purpose
        _require_sql(other)
        return Sql(str.__add__(self, other))


def _require_sql(part: Any) -> None:
    if not isinstance(part, Sql | int):
        raise TypeError(
            f"SQL is composed of Sql and integers, not of {type(part).__name__}: quote a name with ident()"
        )


def ident(name: str) -> Sql:
    """A quoted identifier, such as a table's or column's name."""
    return Sql('"' + name.replace('"', '""') + '"')


def literal(text: str) -> Sql:
    """A quoted string literal, for DDL, which takes no parameters. Requires ``standard_conforming_strings``, the default."""
    return Sql("'" + text.replace("'", "''") + "'")


def number(value: int | float | Decimal) -> Sql:
    """A number, as Python writes it."""
    return Sql(value)


def from_catalog(text: str) -> Sql:
    """SQL that PostgreSQL itself printed: a definition, a type, or a name by ``quote_ident`` or ``regclass``."""
    return Sql(text)
