"""Collect the rejections to replay, as the records of a run.

A record is taken as stored, or as a line of JSON with the rejection's id corrects it: ``{"id": 7, "raw": …}``. A stored
record that is not exact (invalid UTF-8, NUL, more than 1 MiB) or may be part of a record (beside a bare CR) is only
taken if it is corrected. A record that is rejected again keeps its rejection; the new reasons are stored in one further
rejection that refers to it (``replay_of``) and replaces that of an earlier replay. Rejections that are only in the report
bucket are read again by each replay, which finds the stored rows unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from dataforge.errors import WrongCorrection
from dataforge.postgres.roles import LOAD
from dataforge.postgres.sql import Sql, ident
from functions.migrate.plan.corrections import Correction
from functions.migrate.plan.rejected_texts import RejectedTexts
from functions.migrate.run.migration import Replay, Run
from functions.migrate.run.replay_records import relation

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


CHUNK = 2_000
"""Records of one work item, all in memory at once. Most are short, but one may have 1 MiB."""

_ALTERED = r"\\x00|… \[cut: [0-9,]+ bytes in all\]$"
"""Text in a stored record in place of a NUL and of its end. An exact record has it by chance only."""
_ALTERED_DOCUMENT = r"\\ud[89a-f][0-9a-f]{2}"
"""Text in a record of a batch in place of half a surrogate pair. In a line of JSON it is exact."""
_ESCAPED = r"\\x[0-9a-f]{2}"
"""Text in a record that could not be decoded, in place of its bytes. In other records it is a value of bytes."""
_UNREAD = [
    *("byte_order_mark", "csv_quote", "dict_type", "field_count", "further_table", "json_invalid"),
    *("repeated_header", "string_unicode"),
]
"""The codes of records whose values were not read, as those that could not be decoded."""

_PARTIAL = json.dumps([{"code": "carriage_return"}])
"""The error of a record that may be part of one. Read alone, such a part could be valid."""

_COLLECT = Sql("""
    INSERT INTO {relation}
    SELECT row_number() OVER (ORDER BY c.number, x.file, x.line, x.index, x.id) - 1, x.rejection, x."table",
           coalesce(c.raw, x.raw), f.source, f.header, f.folder_values, coalesce(x.file, 'batch ' || x.batch_id),
           coalesce(x.line, x.index + 1), coalesce(x."offset", 0)
    FROM (
        SELECT r.id, r.id::text AS key, root.id AS rejection, root."table", coalesce(d.raw, r.raw) AS raw, r.errors,
               root.migration_id, root.batch_id, root.file, root.line, root.index, root."offset",
               d.id IS NOT NULL OR r.raw_at IS NULL AS read
        FROM dataforge.rejections r
        JOIN dataforge.rejections root ON root.id = coalesce(r.replay_of, r.id)
        LEFT JOIN {located} d ON d.id = r.id
        WHERE {scope} AND root.replayed_at IS NULL
        UNION ALL
        SELECT NULL, key, NULL, "table", raw, errors, %(migration_id)s, NULL, file, line, NULL, "offset", true
        FROM {without_row}
    ) x
    LEFT JOIN dataforge.migration_files f ON f.migration_id = x.migration_id AND f.key = x.file
    LEFT JOIN {corrected} c ON c.key = x.key
    WHERE x."table" = ANY(%(tables)s)
      AND (%(table)s = '' OR x."table" = %(table)s)
      AND (%(code)s = '' OR x.errors @> jsonb_build_array(jsonb_build_object('code', %(code)s)))
      AND (c.key IS NOT NULL OR NOT %(corrected)s)
      AND (c.key IS NOT NULL OR x.read)
      AND NOT (coalesce(c.raw, x.raw) = x.raw AND (
          x.raw #>> '{{}}' ~ %(altered)s OR x.errors @> %(partial)s
          OR jsonb_typeof(x.raw) <> 'string' AND x.raw::text ~ %(altered_document)s
          OR x.raw #>> '{{}}' ~ %(escaped)s
             AND EXISTS (SELECT FROM jsonb_array_elements(x.errors) e WHERE e->>'code' = ANY(%(unread)s))))
""")


def collect(
    cursor: Cursor,
    run: Run,
    replay: Replay,
    corrections: Iterable[Correction] | None,
    texts: RejectedTexts,
) -> int:
    """Fill ``relation`` with the chosen rejections that are open, numbered in file order. Returns their number.

    With ``corrections``, only rejections that they name are collected, as corrected. Without one, a rejection is omitted
    whose record cannot be read any more, which ``texts`` counts. Raises ``WrongCorrection``, ``Unavailable``.
    """
    corrected = Sql("{}._corrections").format(ident(run.schema))
    cursor.execute(
        Sql("CREATE TABLE {} (key text, raw jsonb, number bigint, file text, line bigint)").format(corrected)
    )
    insert = Sql("INSERT INTO {} VALUES %s").format(corrected)
    execute_values(cursor, insert, corrections or (), page_size=1000)
    without_row = texts.fetch_without_row(replay)
    _check_corrections(cursor, corrected, without_row, replay)
    _create_relation(cursor, run)
    collected = _COLLECT.format(
        relation=relation(run.id),
        corrected=corrected,
        located=texts.fetch_located(_scope(replay), replay),
        without_row=without_row,
        scope=_scope(replay),
    )
    cursor.execute(
        collected,
        replay.model_dump()
        | {
            "tables": [t.name for t in run.tables],
            "corrected": corrections is not None,
            "altered": _ALTERED,
            "altered_document": _ALTERED_DOCUMENT,
            "escaped": _ESCAPED,
            "unread": _UNREAD,
            "partial": _PARTIAL,
        },
    )
    count = int(cursor.rowcount)
    _delete_unpublished(cursor, run)
    return count


def upgrade(cursor: Cursor, run: Run) -> None:
    """Add the columns that ``relation`` lacks if a run of commit a6f090d created it and is resumed."""
    cursor.execute(
        Sql("ALTER TABLE {} ADD COLUMN IF NOT EXISTS folder_values jsonb").format(relation(run.id))
    )


def _create_relation(cursor: Cursor, run: Run) -> None:
    cursor.execute(
        Sql(
            "CREATE TABLE {} (position bigint PRIMARY KEY, rejection bigint,"
            ' "table" text NOT NULL, raw jsonb NOT NULL, source text, header text[], folder_values jsonb, file text,'
            ' line bigint, "offset" bigint)'
        ).format(relation(run.id))
    )
    cursor.execute(Sql("GRANT SELECT ON {} TO {}").format(relation(run.id), LOAD))


def _scope(replay: Replay) -> Sql:
    if replay.migration_id:
        return Sql("r.migration_id = %(migration_id)s")
    return Sql("r.batch_id = %(batch_id)s")


def _check_corrections(cursor: Cursor, corrected: Sql, without_row: Sql, replay: Replay) -> None:
    """Raise ``WrongCorrection`` for what is not a rejection of the replay, and for one that occurs twice."""
    cursor.execute(
        Sql(
            "SELECT c.file, c.line, c.key FROM {} c WHERE NOT EXISTS (SELECT FROM {} w WHERE w.key = c.key)"
            " AND NOT EXISTS (SELECT FROM dataforge.rejections r WHERE r.id ="
            " CASE WHEN c.key ~ '^[0-9]+$' THEN c.key::bigint END AND {}) ORDER BY c.number LIMIT 1"
        ).format(corrected, without_row, _scope(replay)),
        replay.model_dump(),
    )
    for file, line, number in cursor.fetchall():
        raise WrongCorrection(file, line, f"{replay} has no rejection {number}")
    cursor.execute(
        Sql(
            "SELECT file, line, key FROM"
            " (SELECT *, row_number() OVER (PARTITION BY key ORDER BY number) AS times FROM {}) c"
            " WHERE times > 1 ORDER BY number LIMIT 1"
        ).format(corrected)
    )
    for file, line, number in cursor.fetchall():
        raise WrongCorrection(file, line, f"rejection {number} occurs twice")


def _delete_unpublished(cursor: Cursor, run: Run) -> None:
    """Delete the rejections that earlier replays of the same records stored, if those ended unpublished."""
    chosen = Sql("ARRAY(SELECT rejection FROM {} WHERE rejection IS NOT NULL)").format(relation(run.id))
    cursor.execute(Sql("SELECT dataforge.delete_superseded({})").format(chosen))
