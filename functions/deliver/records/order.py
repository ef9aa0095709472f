"""Orders of rows in which a cursor is a position: by the key, or in a table without a key by hashes of the row.

Without a key, a position is the hashes of a row and a number of copies: rows with these hashes are identical, so it is
irrelevant which of them a page had. The index on whole rows yields the order. A page reads the copies that pages before it
had, which is noticeable from about 100,000 copies of one row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import TypeAdapter

from dataforge.postgres.ddl import row_text_sql
from dataforge.postgres.row_identity import row_hash
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Table
from functions.deliver.records.values import read_value, sql_type

_HASH, _DIGEST = "_hash", "_digest"
_BIGINT = re.compile(r"-?[0-9]{1,19}")
_MD5 = re.compile(r"[0-9a-f]{32}")


POSITION = TypeAdapter(list[str])
"""A position of any order: texts."""


@dataclass(frozen=True)
class After:
    """The condition that a row follows a position, its values, and the number of such rows to skip."""

    condition: Sql
    values: list[str]
    skipped: int = 0


class Order(Protocol):
    """A total order of a table's rows, up to identical rows.

    ``terms``: the SQL expressions to sort by, with the names under which a query selects them. ``after`` raises
    ``ValueError`` for texts that are not a position.
    """

    @property
    def terms(self) -> dict[str, Sql]: ...

    def after(self, position: list[str]) -> After: ...

    def position(self, values: Sequence[list[str]], before: list[str] | None) -> list[str]: ...


def order_of(table: Table) -> Order:
    """The order in which the table's rows are delivered."""
    return KeyOrder(table) if table.key else RowOrder(table)


@dataclass(frozen=True)
class KeyOrder:
    """By the columns of the key."""

    table: Table

    @property
    def terms(self) -> dict[str, Sql]:
        return {name: ident(name) for name in self.table.key}

    def after(self, position: list[str]) -> After:
        columns = [self.table.by_name[name] for name in self.table.key]
        values = [read_value(c, text) for c, text in zip(columns, position, strict=True)]
        placeholders = Sql(", ").join(Sql("%s::{}").format(sql_type(column)) for column in columns)
        names = Sql(", ").join(self.terms.values())
        return After(Sql("({}) > ({})").format(names, placeholders), values)

    def position(self, values: Sequence[list[str]], before: list[str] | None) -> list[str]:  # noqa: ARG002  as in RowOrder
        """The position of the last of the rows, given by the values of their terms."""
        return values[-1]


@dataclass(frozen=True)
class RowOrder:
    """By hashes of the whole row."""

    table: Table

    @property
    def terms(self) -> dict[str, Sql]:
        text = row_text_sql(self.table)
        return {_HASH: row_hash(self.table), _DIGEST: Sql('md5({}) COLLATE "C"').format(text)}

    def after(self, position: list[str]) -> After:
        row, digest, copies = position
        if not (_BIGINT.fullmatch(row) and _MD5.fullmatch(digest) and _BIGINT.fullmatch(copies)):
            raise ValueError("not a position")
        if not (-(2**63) <= int(row) < 2**63 and 0 <= int(copies) < 2**63):
            raise ValueError("not a position")
        terms = Sql(", ").join(self.terms.values())
        return After(Sql("({}) >= (%s::bigint, %s)").format(terms), [row, digest], int(copies))

    def position(self, values: Sequence[list[str]], before: list[str] | None) -> list[str]:
        """The position of the last of the rows. ``before``: the position after which they follow, or None."""
        last = values[-1]
        copies = next((n for n, other in enumerate(reversed(values)) if other != last), len(values))
        if copies == len(values) and before is not None and before[:2] == last:
            copies += int(before[2])
        return [*last, str(copies)]


def terms_of(row: bytes, names: Sequence[str], *, beside: bool) -> list[str]:
    """The values of a delivered row's terms, as texts: from its JSON, or from the array beside it."""
    numbers: dict[str, Any] = {"parse_float": str, "parse_int": str}
    if beside:
        values = json.loads(row[row.rindex(b"\t") + 1 :], **numbers)
    else:
        document = json.loads(row, **numbers)
        values = [document[name] for name in names]
    return [value if isinstance(value, str) else json.dumps(value) for value in values]
