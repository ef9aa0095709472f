"""Find the rows in which source and target differ, by reading the files again and comparing them with the shadow."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.row_identity import same_key, same_row
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.tables.catalogue import Table
from functions.migrate.run.ledger import read_resolved, store_resolved
from functions.migrate.run.migration import Run
from functions.migrate.run.replay_records import relation as replay_relation
from functions.migrate.run.work_items import LoadItem, load_items

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


DIFFERENCES_LIMIT = 20
"""Differences that the report lists. The error only has their number: an execution's history must not hold keys."""

SECONDS_LIMIT = 300.0
"""Time after which no further chunk is compared. A difference is a defect; the first keys suffice to find it."""

_LAST_POSITION = 2**63 - 1


def store_differences(db: Connection, s3: S3Client, run: Run, table: Table) -> int:
    """Store the table's first differences in the ledger, for the report. Returns their number."""
    with transaction(db, role=MIGRATION_RUN) as cursor:
        differences = _differences(cursor, s3, run, table)
        resolved = read_resolved(cursor, run.id, table.name, lock=True)
        if resolved is not None:
            resolved = resolved.model_copy(update={"differences": differences})
            store_resolved(cursor, run.id, table.name, resolved)
    return len(differences)


def _differences(cursor: Cursor, s3: S3Client, run: Run, table: Table) -> list[str]:
    """The first rows that only one side has, by key, in file order."""
    reread = run.internal_table("reread", table)
    items = [item for item in load_items(cursor, run) if table.name in item.tables]
    borders = [0, *(item.base + item.start for item in items[1:]), _LAST_POSITION]
    differences: list[str] = []
    deadline = time.monotonic() + SECONDS_LIMIT
    cursor.execute(Sql("CREATE TABLE {} (LIKE {})").format(reread, run.shadow(table)))
    for item, (first, after) in zip(items, pairwise(borders), strict=True):
        if len(differences) >= DIFFERENCES_LIMIT or time.monotonic() > deadline:
            break
        _read_again(cursor, s3, run, table, reread, item)
        differences += _only_in_source(cursor, run, table, reread, item)
        differences += _only_in_target(cursor, run, table, reread, first, after)
    cursor.execute(Sql("DROP TABLE {}").format(reread))
    return differences[:DIFFERENCES_LIMIT]


def _read_again(cursor: Cursor, s3: S3Client, run: Run, table: Table, reread: Sql, item: LoadItem) -> None:
    """Fill ``reread`` with the valid rows of the chunk."""
    cursor.execute(Sql("TRUNCATE {}").format(reread))
    columns = ddl.columns_sql(table)
    copy = Sql("COPY {} ({}, {}) FROM STDIN (FORMAT csv)").format(reread, columns, shadow.SOURCE)
    # With NumPy and Arrow, which a run without differences does not need.
    from functions.migrate.run.reading.chunk import read_chunk  # noqa: PLC0415

    for records in read_chunk(cursor, s3, item.model_copy(update={"tables": (table.name,)}), run.dataset):
        cursor.copy_expert(copy, io.BytesIO(b"".join(records.batch.lines)))


def _only_in_source(cursor: Cursor, run: Run, table: Table, reread: Sql, item: LoadItem) -> Iterator[str]:
    """Rows that were read, but are neither stored nor rejected. Except in a multiset, an identical row counts as stored."""
    position = Sql("s.{} = r.{}").format(shadow.SOURCE, shadow.SOURCE)
    same_record = position if table.is_multiset else same_key(table, "s", "r")
    record = Sql('j.file = %(file)s AND j."offset" = r.{} - %(base)s').format(shadow.SOURCE)
    if item.replay:
        record = Sql("j.replay_of = (SELECT m.rejection FROM {} m WHERE m.position = r.{})").format(
            replay_relation(run.id), shadow.SOURCE
        )
    cursor.execute(
        Sql(
            "SELECT {key} FROM {reread} r WHERE NOT EXISTS (SELECT FROM {shadow} s WHERE {same_record} AND {same_row})"
            " AND NOT EXISTS (SELECT FROM dataforge.rejections j WHERE j.migration_id = %(run)s"
            ' AND j."table" = %(table)s AND {record}) ORDER BY r.{source} LIMIT {limit}'
        ).format(
            key=_key(table, "r"),
            reread=reread,
            shadow=run.shadow(table),
            same_record=same_record,
            same_row=same_row(table, "s", "r"),
            record=record,
            source=shadow.SOURCE,
            limit=DIFFERENCES_LIMIT,
        ),
        {"run": run.id, "table": table.name, "file": item.key, "base": item.base},
    )
    yield from (f"read, not stored: {key}" for (key,) in cursor.fetchall())


def _only_in_target(
    cursor: Cursor, run: Run, table: Table, reread: Sql, first: int, after: int
) -> Iterator[str]:
    """Rows stored under these positions of which the source has no row, or a row with other values."""
    cursor.execute(
        Sql(
            "SELECT {key} FROM {shadow} s WHERE s.{source} >= %s AND s.{source} < %s"
            " AND NOT EXISTS (SELECT FROM {reread} r WHERE r.{source} = s.{source} AND {same_row})"
            " ORDER BY s.{source} LIMIT %s"
        ).format(
            key=_key(table, "s"),
            shadow=run.shadow(table),
            source=shadow.SOURCE,
            reread=reread,
            same_row=same_row(table, "r", "s"),
        ),
        (first, after, DIFFERENCES_LIMIT),
    )
    yield from (f"stored, not read: {key}" for (key,) in cursor.fetchall())


def _key(table: Table, alias: str) -> Sql:
    """The SQL of a key as text: ``order_id = 7, order_item_id = 1``."""
    named = Sql("format('%%s = %%s', {}, {}.{})")
    columns = (named.format(literal(name), ident(alias), ident(name)) for name in table.identity)
    return Sql("concat_ws(', ', {})").format(Sql(", ").join(columns))
