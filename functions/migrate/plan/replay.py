"""A replay: rejections as the source of a run. Which they are is decided when it is planned, in the run's own schema.

A record is taken as it was kept, or as a line of JSON has it that names the rejection's id: ``{"id": 7, "raw": …}``.
What was kept and is not the record to the character (bytes that are no text, NUL, more than a MiB), or may be only a
part of one (beside a bare CR), is only taken corrected. A rejection that is bad again stays open: what is wrong now is
kept in one rejection that refers to it (``replay_of``), and replaces that of an earlier replay.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from dataforge.errors import InvalidInput, NoSuchRun, UnknownTable, WrongCorrection
from dataforge.postgres import shadow
from dataforge.postgres.roles import LOAD
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.datasets import get_dataset
from functions.migrate.plan.corrections import Correction
from functions.migrate.run.migration import MigrationInput, Order, Replay, Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


CHUNK = 2_000
"""Records that one worker takes at a time, and holds: most are short, but one may have a MiB."""

_INEXACT = r"\\x[0-9a-f]{2}|\\ud[89a-f][0-9a-f]{2}|… \[cut: [0-9,]+ bytes in all\]$"
"""What only stands in a record that could not be kept to the character, or by chance."""

_PART = json.dumps([{"code": "carriage_return"}])
"""Of a record that may be a part of one: read alone, it could pass for a whole one."""

_COLLECT = """
    INSERT INTO {relation}
    SELECT row_number() OVER (ORDER BY c.number, root.file, root.line, root.index, r.id) - 1, root.id, root."table",
           coalesce(c.raw, r.raw), f.source, f.header, f.folder_values, coalesce(root.file, 'batch ' || root.batch_id),
           coalesce(root.line, root.index + 1), coalesce(root."offset", 0)
    FROM dataforge.rejections r
    JOIN dataforge.rejections root ON root.id = coalesce(r.replay_of, r.id)
    LEFT JOIN dataforge.migration_files f ON f.migration_id = root.migration_id AND f.key = root.file
    LEFT JOIN {given} c ON c.id = r.id
    WHERE {scope} AND root.replayed_at IS NULL AND root."table" = ANY(%(tables)s)
      AND (%(table)s = '' OR root."table" = %(table)s)
      AND (%(code)s = '' OR r.errors @> jsonb_build_array(jsonb_build_object('code', %(code)s)))
      AND (c.id IS NOT NULL OR NOT %(corrected)s)
      AND NOT (coalesce(c.raw, r.raw) = r.raw AND (r.raw #>> '{{}}' ~ %(inexact)s OR r.errors @> %(part)s))
"""


def replay_order(cursor: Cursor, replay: Replay, request: MigrationInput) -> Order:
    """What the input orders that names rejections. Raises ``InvalidInput`` and its kin."""
    if request.tables or request.ignore:
        raise InvalidInput(
            'A replay is narrowed by one table, inside "replay"; "tables" and "ignore" are for files.'
        )
    name, found = (_tables_of_migration if replay.migration_id else _tables_of_batch)(cursor, replay)
    dataset = get_dataset(name)
    if replay.table:
        if dataset.table(replay.table).name not in found:
            raise UnknownTable(f"{replay}", replay.table, sorted(found))
        # A flat file's record is rows of several tables.
        together = {t for s in dataset.sources if replay.table in s.tables for t in s.tables}
        found &= together | {replay.table}
    tables = [name for name in dataset.tables if name in found]
    if not tables:
        raise InvalidInput(
            f"No rejection of {replay} is one of a table of {name!r}: there is nothing to replay."
        )
    given = "quality_threshold" in request.model_fields_set
    prefix = request.prefix.rstrip("/") + "/" if request.prefix else ""
    return Order(dataset, tables, prefix, request.quality_threshold if given else Decimal(0))


def _tables_of_migration(cursor: Cursor, replay: Replay) -> tuple[str, set[str]]:
    cursor.execute(
        "SELECT dataset, tables FROM dataforge.migrations WHERE migration_id = %s", (replay.migration_id,)
    )
    row = cursor.fetchone()
    if row is None:
        raise NoSuchRun(f"migration {replay.migration_id!r}")
    return row[0], set(row[1])


def _tables_of_batch(cursor: Cursor, replay: Replay) -> tuple[str, set[str]]:
    cursor.execute(
        'SELECT dataset, array_agg(DISTINCT "table") FROM dataforge.rejections WHERE batch_id = %s GROUP BY dataset',
        (replay.batch_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise NoSuchRun(f"batch {replay.batch_id!r} that rejected a record")
    return row[0], set(row[1])


def relation(migration_id: str) -> Sql:
    """The table of the records that the run replays."""
    return Sql("{}._rejections").format(ident(shadow.schema_of(migration_id)))


def collect(cursor: Cursor, run: Run, replay: Replay, corrections: Iterable[Correction] | None) -> int:
    """Fill ``relation`` with the open rejections that are meant, numbered in file order; returns how many there are.

    With ``corrections`` only those, as they say. Raises ``WrongCorrection``.
    """
    given = Sql("{}._corrections").format(ident(shadow.schema_of(run.id)))
    cursor.execute(
        Sql("CREATE TABLE {} (id bigint, raw jsonb, number bigint, file text, line bigint)").format(given)
    )
    execute_values(cursor, Sql("INSERT INTO {} VALUES %s").format(given), corrections or (), page_size=1000)
    _check_corrections(cursor, given, replay)
    cursor.execute(
        Sql(
            "CREATE TABLE {} (position bigint PRIMARY KEY, rejection bigint NOT NULL,"
            ' "table" text NOT NULL, raw jsonb NOT NULL, source text, header text[], folder_values jsonb, file text,'
            ' line bigint, "offset" bigint)'
        ).format(relation(run.id))
    )
    cursor.execute(Sql("GRANT SELECT ON {} TO {}").format(relation(run.id), LOAD))
    cursor.execute(
        _COLLECT.format(relation=relation(run.id), given=given, scope=_scope(replay)),
        replay.model_dump()
        | {
            "tables": [t.name for t in run.tables],
            "corrected": corrections is not None,
            "inexact": _INEXACT,
            "part": _PART,
        },
    )
    count = int(cursor.rowcount)
    _forget_failed(cursor, run)
    return count


def reopen(cursor: Cursor, run: Run) -> None:
    """Make ``relation`` of a replay that is resumed what this version reads: commit a6f090d began it without folders."""
    cursor.execute(
        Sql("ALTER TABLE {} ADD COLUMN IF NOT EXISTS folder_values jsonb").format(relation(run.id))
    )


def _scope(replay: Replay) -> Sql:
    return (
        Sql("r.migration_id = %(migration_id)s") if replay.migration_id else Sql("r.batch_id = %(batch_id)s")
    )


def _check_corrections(cursor: Cursor, given: Sql, replay: Replay) -> None:
    cursor.execute(
        Sql(
            "SELECT c.file, c.line, c.id FROM {} c LEFT JOIN dataforge.rejections r ON r.id = c.id AND {}"
            " WHERE r.id IS NULL ORDER BY c.number LIMIT 1"
        ).format(given, _scope(replay)),
        replay.model_dump(),
    )
    for file, line, number in cursor.fetchall():
        raise WrongCorrection(file, line, f"{replay} has no rejection {number}")
    cursor.execute(
        Sql(
            "SELECT file, line, id FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY number) AS times FROM {}) c"
            " WHERE times > 1 ORDER BY number LIMIT 1"
        ).format(given)
    )
    for file, line, number in cursor.fetchall():
        raise WrongCorrection(file, line, f"rejection {number} is there twice")


def _forget_failed(cursor: Cursor, run: Run) -> None:
    """Drop what replays of the same rejections left that ended unpublished: their reasons are found anew."""
    cursor.execute(
        Sql(
            "DELETE FROM dataforge.rejections old USING {} m, dataforge.migrations ended"
            " WHERE old.replay_of = m.rejection AND ended.migration_id = old.migration_id"
            " AND ended.status NOT IN ('running', 'published')"
        ).format(relation(run.id))
    )


def close_replay(cursor: Cursor, run: Run) -> None:
    """In the transaction that publishes: mark what is stored now as replayed, and keep one refusal of each other."""
    if run.replay is None:
        return
    cursor.execute(
        Sql(
            "DELETE FROM dataforge.rejections old USING {} m"
            " WHERE old.replay_of = m.rejection AND old.migration_id <> %s"
        ).format(relation(run.id)),
        (run.id,),
    )
    cursor.execute(
        Sql(
            "UPDATE dataforge.rejections r SET replayed_at = now() FROM {} m WHERE r.id = m.rejection AND NOT EXISTS"
            " (SELECT FROM dataforge.rejections bad WHERE bad.replay_of = m.rejection AND bad.migration_id = %s)"
        ).format(relation(run.id)),
        (run.id,),
    )
