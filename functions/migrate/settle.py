"""Settling a table: what depends on other rows. Duplicates, orphans and conflicts leave the shadow, with their reasons.

The order decides, and is the same in every run: identical rows are one; then a row without its parent is an orphan; then,
of different rows with one key, the stored one or else the first in the file wins. Clean data never pays for it: the
constraints are simply built, and only if PostgreSQL refuses one is the culprit looked for.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dataforge import ddl, shadow
from dataforge.catalogue import ForeignKey, Table
from dataforge.database import Connection, transaction
from dataforge.rejections import store
from dataforge.roles import OWNER
from dataforge.rows import Violation
from functions.migrate.locate import locate
from functions.migrate.run import Run, read_run, shadow_count_and_hash


@dataclass
class Removed:
    """What left a shadow: identical rows (a number), and bad ones as their source position with their violations."""

    duplicates: int = 0
    hash_total: int = 0
    bad: list[tuple[int, list[Violation]]] = field(default_factory=list)


Found = dict[tuple[int, str], list[Violation]]
"""Bad rows by (position, ctid): a flat file's record may be several rows of one table."""


def settle(db: Connection, s3: Any, run_id: str, table_name: str) -> dict[str, Any]:
    """Settle one table; its parents in the run are settled. One transaction; once done, repeating it changes nothing.

    Returns counts: rows left in the shadow, unchanged ones among them, and the hashes that reconciliation compares.
    """
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        table = run.dataset.table(table_name)
        cursor.execute(
            'SELECT settled FROM dataforge.migration_tables WHERE migration_id = %s AND "table" = %s FOR UPDATE',
            (run_id, table_name),
        )
        before = cursor.fetchone()[0] or {}
        if before.get("mode") == run.mode:
            return dict(before)
        removed = Removed()
        unchanged = 0
        if run.mode == "swap":
            _build(cursor, run, table, removed)
        else:
            unchanged = _compare(cursor, run, table, removed)
        store(cursor, table, locate(cursor, s3, run, removed.bad))
        settled = _result(cursor, run, table, removed, unchanged, before)
        cursor.execute(
            'UPDATE dataforge.migration_tables SET settled = %s WHERE migration_id = %s AND "table" = %s',
            (json.dumps(settled), run_id, table_name),
        )
    return settled


def _result(
    cursor: Any, run: Run, table: Table, removed: Removed, unchanged: int, before: dict[str, Any]
) -> dict[str, Any]:
    rows, total = shadow_count_and_hash(cursor, table, ddl.qualified(table, shadow.schema_of(run.id)))
    return {
        "mode": run.mode,
        "again": before.get("again", 0),
        "rows": rows,
        "unchanged": unchanged,
        "deduplicated": before.get("deduplicated", 0) + removed.duplicates,
        "rejected": before.get("rejected", 0) + len(removed.bad),
        "hash_total": total,
        "removed_hash_total": (before.get("removed_hash_total", 0) + removed.hash_total) % 2**64,
    }


def _build(cursor: Any, run: Run, table: Table, removed: Removed) -> None:
    """Turn the shadow into the table: keys, foreign keys, checks, indexes."""
    in_run = [t.name for t in run.tables]
    if table.keyed_by_row or not shadow.add_key(cursor, table, run.id):
        _remove_duplicates(cursor, run, table, removed)
        _remove_orphans(cursor, run, table, removed)
        _remove_conflicts(cursor, run, table, removed)
        shadow.add_key(cursor, table, run.id)
    if not shadow.add_foreign_keys(cursor, table, run.id, in_run):
        _remove_orphans(cursor, run, table, removed)
        shadow.add_foreign_keys(cursor, table, run.id, in_run)
    shadow.finish(cursor, table, run.id)


def _compare(cursor: Any, run: Run, table: Table, removed: Removed) -> int:
    """Hold the shadow against a filled table; returns how many of its rows the table has already."""
    cursor.execute(f"ANALYZE {_shadow(run, table)}")
    _remove_duplicates(cursor, run, table, removed)
    _remove_orphans(cursor, run, table, removed)
    _remove_stored_conflicts(cursor, run, table, removed)
    _remove_conflicts(cursor, run, table, removed)
    cursor.execute(
        f"SELECT count(*) FROM {_shadow(run, table)} s JOIN {ddl.qualified(table)} l ON {_same_key(table, 's', 'l')}"
    )
    return int(cursor.fetchone()[0])


def _shadow(run: Run, table: Table) -> str:
    return ddl.qualified(table, shadow.schema_of(run.id))


def _same_key(table: Table, a: str, b: str) -> str:
    return " AND ".join(f"{a}.{ddl.ident(c)} = {b}.{ddl.ident(c)}" for c in table.key)


def same_row(table: Table, a: str, b: str) -> str:
    """The SQL condition that two rows are identical, NULLs included."""
    names = [ddl.ident(c) for c in table.column_names]
    left, right = (", ".join(f"{alias}.{n}" for n in names) for alias in (a, b))
    return f"ROW({left}) IS NOT DISTINCT FROM ROW({right})"


def _keys(table: Table) -> str:
    return ", ".join(map(ddl.ident, table.key))


def _remove_duplicates(cursor: Any, run: Run, table: Table, removed: Removed) -> None:
    """Of identical rows keep the first in file order."""
    cursor.execute(
        f"WITH repeated AS (SELECT {_keys(table)} FROM {_shadow(run, table)} GROUP BY {_keys(table)}"
        f" HAVING count(*) > 1),"
        f" ranked AS (SELECT s.ctid AS place, row_number() OVER (PARTITION BY"
        f" {', '.join('s.' + ddl.ident(c) for c in table.column_names)} ORDER BY s.{shadow.SOURCE}) AS number"
        f" FROM {_shadow(run, table)} s JOIN repeated r ON {_same_key(table, 's', 'r')}),"
        f" gone AS (DELETE FROM {_shadow(run, table)} s USING ranked WHERE s.ctid = ranked.place AND ranked.number > 1"
        f" RETURNING {ddl.row_hash_sql(table, 's')} AS hash)"
        f" SELECT count(*), coalesce(sum(hash), 0) FROM gone"
    )
    count, total = cursor.fetchone()
    removed.duplicates += count
    removed.hash_total = (removed.hash_total + int(total)) % 2**64


def _remove_orphans(cursor: Any, run: Run, table: Table, removed: Removed) -> None:
    """Rows whose parent is neither in the run nor stored; a row may lack several."""
    found: Found = defaultdict(list)
    for key in table.foreign_keys:
        cursor.execute(
            f"SELECT s.{shadow.SOURCE}, s.ctid::text, s.{ddl.ident(key.column)} FROM {_shadow(run, table)} s"
            f" WHERE s.{ddl.ident(key.column)} IS NOT NULL AND {' AND '.join(_no_parent(run, key, 's'))}"
        )
        for position, place, value in cursor.fetchall():
            message = f"{key.name}: {key.parent} has no row with {key.parent_column} = {value}"
            found[position, place].append(Violation("foreign_key", message, key.column))
    _delete(cursor, run, table, found, removed)


def _no_parent(run: Run, key: ForeignKey, alias: str) -> Iterator[str]:
    parent = run.dataset.table(key.parent)
    inside = key.parent in {t.name for t in run.tables}
    relations = [_shadow(run, parent)] if inside else []
    if not inside or run.mode == "merge":
        relations.append(ddl.qualified(parent))
    for relation in relations:
        yield (
            f"NOT EXISTS (SELECT FROM {relation} p"
            f" WHERE p.{ddl.ident(key.parent_column)} = {alias}.{ddl.ident(key.column)})"
        )


def _remove_conflicts(cursor: Any, run: Run, table: Table, removed: Removed) -> None:
    """Of different rows with one key keep the first in file order."""
    if table.keyed_by_row:
        return
    cursor.execute(
        f"WITH repeated AS (SELECT {_keys(table)}, min({shadow.SOURCE}) AS first FROM {_shadow(run, table)}"
        f" GROUP BY {_keys(table)} HAVING count(*) > 1)"
        f" SELECT s.{shadow.SOURCE}, s.ctid::text FROM {_shadow(run, table)} s"
        f" JOIN repeated r ON {_same_key(table, 's', 'r')} WHERE s.{shadow.SOURCE} > r.first"
    )
    message = f"Another row of the file has the same key ({', '.join(table.key)}) and other values; the first is kept"
    _delete(cursor, run, table, {row: [Violation("conflict", message)] for row in cursor.fetchall()}, removed)


def _remove_stored_conflicts(cursor: Any, run: Run, table: Table, removed: Removed) -> None:
    """Rows whose key is stored with other values."""
    if table.keyed_by_row:
        return
    cursor.execute(
        f"SELECT s.{shadow.SOURCE}, s.ctid::text FROM {_shadow(run, table)} s JOIN {ddl.qualified(table)} l"
        f" ON {_same_key(table, 's', 'l')} WHERE NOT ({same_row(table, 's', 'l')})"
    )
    message = f"The table has a row with the same key ({', '.join(table.key)}) and other values; it is kept"
    _delete(cursor, run, table, {row: [Violation("conflict", message)] for row in cursor.fetchall()}, removed)


def _delete(cursor: Any, run: Run, table: Table, bad: Found, removed: Removed) -> None:
    if not bad:
        return
    cursor.execute(
        f"WITH gone AS (DELETE FROM {_shadow(run, table)} s WHERE s.ctid = ANY(%s::tid[])"
        f" RETURNING {ddl.row_hash_sql(table, 's')} AS hash) SELECT coalesce(sum(hash), 0) FROM gone",
        ([place for _, place in bad],),
    )
    removed.hash_total = (removed.hash_total + int(cursor.fetchone()[0])) % 2**64
    removed.bad += [(position, violations) for (position, _), violations in bad.items()]
