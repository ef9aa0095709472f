"""Conditions on rows that are described, if the declaration allows them and the values meet them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from dataforge import Check
from dataforge.postgres.sql import ident
from dataforge.tables.checks import Comparison, read_checks
from discovery.described.description import DescribedTable
from discovery.described.matching import columns_of
from discovery.described.types import TOLERATED
from discovery.drafts import ColumnDraft
from discovery.types.values import Values


def described_checks(
    table: DescribedTable | None, columns: Sequence[ColumnDraft], values: Mapping[str, Values]
) -> tuple[Check, ...]:
    """The described checks of a table, with the names of its columns."""
    if table is None:
        return ()
    headers = {c.name: header for header, c in columns_of(table, [c.header for c in columns]).items()}
    drafts = {column.header: column for column in columns}
    named = {name: drafts[header] for name, header in headers.items()}
    renamed = (_renamed(check, named) for check in table.checks)
    usable = [
        check for check in renamed if check is not None and _is_usable(table.name, check, named, values)
    ]
    return tuple(_once(table.name, usable, named))


def _renamed(check: Check, named: Mapping[str, ColumnDraft]) -> Check | None:
    names = [named.get(name) for name in filter(None, (check.column, check.other))]
    if None in names:
        return None
    other = named[check.other].name if check.other else ""
    return replace(check, column=named[check.column].name, other=other)


def _is_usable(
    table: str, check: Check, named: Mapping[str, ColumnDraft], values: Mapping[str, Values]
) -> bool:
    by_name = {draft.name: draft for draft in named.values()}
    try:
        [read] = read_checks(table, [check], {name: d.declared.type for name, d in by_name.items()})
    except ValueError:
        return False
    draft = by_name[check.column]
    if check.other:
        return True
    own = draft.declared.type
    implied = "".join(own.checks(ident(draft.name), lower=False, upper=False))
    if f"'{check.value}'" in implied or own.name in {"text", "jsonb", "bytea"}:
        return False
    return isinstance(read, Comparison) and _is_met(read, draft, values[draft.header])


def _is_met(check: Comparison, draft: ColumnDraft, values: Values) -> bool:
    """Whether nearly all values meet a condition on their column."""
    [position] = check.positions
    texts = draft.declared.canonical(pa.array(values.texts, pa.string())).to_pylist()
    # Of more values than are known, the others are like these.
    row: list[str | None] = [None] * (position + 1)
    broken = 0
    for text, count in zip(texts, values.counts, strict=True):
        row[position] = text
        broken += 0 if check.holds(row) else count
    return broken <= TOLERATED * values.rows


def _once(table: str, checks: Sequence[Check], named: Mapping[str, ColumnDraft]) -> Iterator[Check]:
    """The checks without those whose name in PostgreSQL another one has."""
    types = {draft.name: draft.declared.type for draft in named.values()}
    taken: set[str] = set()
    for check in checks:
        [read] = read_checks(table, [check], types)
        if read.name not in taken:
            taken.add(read.name)
            yield check
