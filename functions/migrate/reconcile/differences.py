"""What differs where source and target do not agree: the files are read again, and held against the shadow row by row."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.tables.catalogue import Table
from functions.migrate.plan.replay import relation as replay_relation
from functions.migrate.resolve.resolve import same_key, same_row
from functions.migrate.run.ledger import read_settled, store_settled
from functions.migrate.run.migration import Run
from functions.migrate.run.reading.chunk import parts
from functions.migrate.run.work_items import LoadItem
from functions.migrate.scan.cut import load_items

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


KEPT = 20
"""Differences that the report lists. The error has their number: an execution's history must not hold keys."""

SECONDS = 300.0
"""When to look for no more of them. It is a defect that is hunted here: the first keys are what is needed."""

_BEYOND = 2**63 - 1


def explain(db: Connection, s3: S3Client, run: Run, failed: Mapping[str, str]) -> str:
    """The reasons why tables do not agree, by table. The first keys that differ are noted in the ledger for the report."""
    texts = []
    for name, reason in failed.items():
        with transaction(db, role=OWNER) as cursor:
            found = differences(cursor, s3, run, run.dataset.table(name))
            settled = read_settled(cursor, run.id, name, lock=True)
            if settled is not None:
                store_settled(cursor, run.id, name, settled.model_copy(update={"differences": found}))
        texts.append(
            f"{reason} The report lists the first {len(found)} rows that differ." if found else reason
        )
    return "\n".join(texts)


def differences(cursor: Cursor, s3: S3Client, run: Run, table: Table) -> list[str]:
    """The first rows that one side has and the other has not, by key, in file order. Leaves nothing behind."""
    again = Sql("{}.{}").format(ident(shadow.schema_of(run.id)), ident("_again_" + table.name))
    items = [
        LoadItem.model_validate(item) for item in load_items(cursor, run) if table.name in item["tables"]
    ]
    borders = [0, *(item.base + item.start for item in items[1:]), _BEYOND]
    found: list[str] = []
    end = time.monotonic() + SECONDS
    cursor.execute(
        Sql("CREATE TABLE {} (LIKE {})").format(again, ddl.qualified(table, shadow.schema_of(run.id)))
    )
    for item, (first, after) in zip(items, pairwise(borders), strict=True):
        if len(found) >= KEPT or time.monotonic() > end:
            break
        cursor.execute(Sql("TRUNCATE {}").format(again))
        for part in parts(cursor, s3, item.model_copy(update={"tables": (table.name,)}), run.dataset):
            copy = Sql("COPY {} ({}, {}) FROM STDIN (FORMAT csv)").format(
                again, ddl.columns_sql(table), shadow.SOURCE
            )
            cursor.copy_expert(copy, io.BytesIO(b"".join(part.batch.lines)))
        found += _lost(cursor, run, table, again, item)
        found += _alien(cursor, run, table, again, first, after)
    cursor.execute(Sql("DROP TABLE {}").format(again))
    return found[:KEPT]


def _lost(cursor: Cursor, run: Run, table: Table, again: Sql, item: LoadItem) -> Iterator[str]:
    """Rows that were read, and neither stored (they, or identical ones) nor rejected."""
    relation = ddl.qualified(table, shadow.schema_of(run.id))
    place = Sql('j.file = %(file)s AND j."offset" = r.') + Sql("{} - %(base)s").format(shadow.SOURCE)
    if item.replay:
        replayed = Sql("SELECT m.rejection FROM {} m WHERE m.position = r.{}").format(
            replay_relation(run.id), shadow.SOURCE
        )
        place = Sql("j.replay_of = ({})").format(replayed)
    cursor.execute(
        Sql(
            "SELECT {key} FROM {again} r WHERE NOT EXISTS (SELECT FROM {relation} s"
            " WHERE {same_key} AND {same_row})"
            " AND NOT EXISTS (SELECT FROM dataforge.rejections j WHERE j.migration_id = %(run)s"
            ' AND j."table" = %(table)s AND {place}) ORDER BY r.{source} LIMIT {kept}'
        ).format(
            key=_key(table, Sql("r")),
            again=again,
            relation=relation,
            same_key=same_key(table, Sql("s"), Sql("r")),
            same_row=same_row(table, Sql("s"), Sql("r")),
            place=place,
            source=shadow.SOURCE,
            kept=KEPT,
        ),
        {"run": run.id, "table": table.name, "file": item.key, "base": item.base},
    )
    yield from (f"read, not stored: {key}" for (key,) in cursor.fetchall())


def _alien(cursor: Cursor, run: Run, table: Table, again: Sql, first: int, after: int) -> Iterator[str]:
    """Rows that are stored as from these positions, and say something else there, or were never read."""
    relation = ddl.qualified(table, shadow.schema_of(run.id))
    cursor.execute(
        Sql(
            "SELECT {key} FROM {relation} s WHERE s.{source} >= %s AND s.{source} < %s"
            " AND NOT EXISTS (SELECT FROM {again} r WHERE r.{source} = s.{source}"
            " AND {same_row}) ORDER BY s.{source} LIMIT %s"
        ).format(
            key=_key(table, Sql("s")),
            relation=relation,
            source=shadow.SOURCE,
            again=again,
            same_row=same_row(table, Sql("r"), Sql("s")),
        ),
        (first, after, KEPT),
    )
    yield from (f"stored, not read: {key}" for (key,) in cursor.fetchall())


def _key(table: Table, alias: Sql) -> Sql:
    """The SQL of a key as text: ``order_id = 7, order_item_id = 1``."""
    named = (
        Sql("format('%%s = %%s', {}, {}.{})").format(literal(name), alias, ident(name)) for name in table.key
    )
    return Sql("concat_ws(', ', {})").format(Sql(", ").join(named))
