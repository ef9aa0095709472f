"""SQL conditions on the parents that the rows of a run reference."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.postgres import ddl
from dataforge.postgres.references import has_values, is_parent
from dataforge.postgres.row_identity import same_key
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey
from functions.migrate.run.migration import SWAP, Run


def is_orphan(run: Run, key: ForeignKey) -> Sql:
    """The condition that a row ``s`` of a shadow references a parent that is neither in the run nor stored."""
    return Sql(" AND ").join((has_values(key, "s"), *_no_parent(run, key)))


def _no_parent(run: Run, key: ForeignKey) -> Iterator[Sql]:
    """The conditions, one per relation that may hold it, that the parent of a row ``s`` does not exist."""
    parent = run.dataset.table(key.parent)
    in_run = key.parent in {table.name for table in run.tables}
    missing = Sql("NOT EXISTS (SELECT FROM {} p WHERE {}{})")
    if in_run:
        yield missing.format(run.shadow(parent), is_parent(key, "p", "s"), Sql(""))
    if not in_run or run.mode != SWAP:
        changed = Sql("")
        if in_run and run.on_conflict == "update" and key.parent_columns != parent.key:
            changed = _unless_updated(run, key)
        yield missing.format(ddl.qualified(parent), is_parent(key, "p", "s"), changed)


def _unless_updated(run: Run, key: ForeignKey) -> Sql:
    """The condition that the run does not give a stored parent ``p`` other values of the referenced columns."""
    parent = run.dataset.table(key.parent)
    same = Sql(" AND ").join(Sql("u.{} = p.{}").format(ident(c), ident(c)) for c in key.parent_columns)
    return Sql(" AND NOT EXISTS (SELECT FROM {} u WHERE {} AND ({}) IS NOT TRUE)").format(
        run.shadow(parent), same_key(parent, "u", "p"), same
    )
