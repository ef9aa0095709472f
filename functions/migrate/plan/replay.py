"""Collect the rejections to replay, as the records of a run.

A record is taken as stored, or as a line of JSON with the rejection's id corrects it: ``{"id": 7, "raw": …}``. A stored
record that is not exact (invalid UTF-8, NUL, more than 1 MiB) or may be part of a record (beside a bare CR) is only
taken if it is corrected. A record that is rejected again keeps its rejection; the new reasons are stored in one further
rejection that refers to it (``replay_of``) and replaces that of an earlier replay.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from dataforge.errors import WrongCorrection
from dataforge.postgres.roles import LOAD
from dataforge.postgres.sql import Sql, ident
from dataforge.s3.rejected_texts import Location
from functions.migrate.plan.corrections import Correction
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
    SELECT row_number() OVER (ORDER BY c.number, root.file, root.line, root.index, r.id) - 1, root.id, root."table",
           coalesce(c.raw, own.raw), f.source, f.header, f.folder_values, coalesce(root.file, 'batch ' || root.batch_id),
           coalesce(root.line, root.index + 1), coalesce(root."offset", 0)
    FROM dataforge.rejections r
    JOIN dataforge.rejections root ON root.id = coalesce(r.replay_of, r.id)
    LEFT JOIN dataforge.migration_files f ON f.migration_id = root.migration_id AND f.key = root.file
    LEFT JOIN {corrected} c ON c.id = r.id
    LEFT JOIN {located} d ON d.id = r.id
    CROSS JOIN LATERAL (SELECT coalesce(d.raw, r.raw) AS raw) own
    WHERE {scope} AND root.replayed_at IS NULL AND root."table" = ANY(%(tables)s)
      AND (%(table)s = '' OR root."table" = %(table)s)
      AND (%(code)s = '' OR r.errors @> jsonb_build_array(jsonb_build_object('code', %(code)s)))
      AND (c.id IS NOT NULL OR NOT %(corrected)s)
      AND (c.id IS NOT NULL OR d.id IS NOT NULL OR r.raw_at IS NULL)
      AND NOT (coalesce(c.raw, own.raw) = own.raw AND (
          own.raw #>> '{{}}' ~ %(altered)s OR r.errors @> %(partial)s
          OR jsonb_typeof(own.raw) <> 'string' AND own.raw::text ~ %(altered_document)s
          OR own.raw #>> '{{}}' ~ %(escaped)s
             AND EXISTS (SELECT FROM jsonb_array_elements(r.errors) e WHERE e->>'code' = ANY(%(unread)s))))
""")


_LOCATED = Sql("""
    SELECT r.id, r.raw_at::text FROM dataforge.rejections r
    WHERE {} AND r.raw_at IS NOT NULL AND r.replayed_at IS NULL ORDER BY r.raw_at->>'key', r.id
""")

ReadLocated = Callable[[Iterable[Location]], Iterator[tuple[Location, str | None]]]
"""Reads the records at these locations of the report bucket (``dataforge.s3.rejected_texts.read``)."""


def collect(
    cursor: Cursor,
    run: Run,
    replay: Replay,
    corrections: Iterable[Correction] | None,
    read_located: ReadLocated,
) -> int:
    """Fill ``relation`` with the chosen rejections that are open, numbered in file order. Returns their number.

    With ``corrections``, only rejections that they name are collected, as corrected. Without one, a rejection is omitted
    whose record was deleted from the report bucket. Raises ``WrongCorrection``, ``Unavailable``.
    """
    corrected = Sql("{}._corrections").format(ident(run.schema))
    cursor.execute(
        Sql("CREATE TABLE {} (id bigint, raw jsonb, number bigint, file text, line bigint)").format(corrected)
    )
    insert = Sql("INSERT INTO {} VALUES %s").format(corrected)
    execute_values(cursor, insert, corrections or (), page_size=1000)
    _check_corrections(cursor, corrected, replay)
    _create_relation(cursor, run)
    located = _fetch_located(cursor, run, replay, read_located)
    cursor.execute(
        _COLLECT.format(
            relation=relation(run.id), corrected=corrected, located=located, scope=_scope(replay)
        ),
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


def _fetch_located(cursor: Cursor, run: Run, replay: Replay, read_located: ReadLocated) -> Sql:
    """Create the table of the records that the database does not store. Returns its name."""
    located = Sql("{}._located").format(ident(run.schema))
    cursor.execute(Sql("CREATE TABLE {} (id bigint PRIMARY KEY, raw jsonb NOT NULL)").format(located))
    cursor.execute(_LOCATED.format(_scope(replay)), replay.model_dump())
    ids = {Location.model_validate_json(location): number for number, location in cursor.fetchall()}
    found = ((ids[location], record) for location, record in read_located(ids) if record is not None)
    insert = Sql("INSERT INTO {} VALUES %s").format(located)
    execute_values(cursor, insert, found, template="(%s, %s::jsonb->'raw')", page_size=100)
    return located


def upgrade(cursor: Cursor, run: Run) -> None:
    """Add the columns that ``relation`` lacks if a run of commit a6f090d created it and is resumed."""
    cursor.execute(
        Sql("ALTER TABLE {} ADD COLUMN IF NOT EXISTS folder_values jsonb").format(relation(run.id))
    )


def _create_relation(cursor: Cursor, run: Run) -> None:
    cursor.execute(
        Sql(
            "CREATE TABLE {} (position bigint PRIMARY KEY, rejection bigint NOT NULL,"
            ' "table" text NOT NULL, raw jsonb NOT NULL, source text, header text[], folder_values jsonb, file text,'
            ' line bigint, "offset" bigint)'
        ).format(relation(run.id))
    )
    cursor.execute(Sql("GRANT SELECT ON {} TO {}").format(relation(run.id), LOAD))


def _scope(replay: Replay) -> Sql:
    if replay.migration_id:
        return Sql("r.migration_id = %(migration_id)s")
    return Sql("r.batch_id = %(batch_id)s")


def _check_corrections(cursor: Cursor, corrected: Sql, replay: Replay) -> None:
    """Raise ``WrongCorrection`` for an id that is not a rejection of the replay, and for one that occurs twice."""
    cursor.execute(
        Sql(
            "SELECT c.file, c.line, c.id FROM {} c LEFT JOIN dataforge.rejections r ON r.id = c.id AND {}"
            " WHERE r.id IS NULL ORDER BY c.number LIMIT 1"
        ).format(corrected, _scope(replay)),
        replay.model_dump(),
    )
    for file, line, number in cursor.fetchall():
        raise WrongCorrection(file, line, f"{replay} has no rejection {number}")
    cursor.execute(
        Sql(
            "SELECT file, line, id FROM"
            " (SELECT *, row_number() OVER (PARTITION BY id ORDER BY number) AS times FROM {}) c"
            " WHERE times > 1 ORDER BY number LIMIT 1"
        ).format(corrected)
    )
    for file, line, number in cursor.fetchall():
        raise WrongCorrection(file, line, f"rejection {number} occurs twice")


def _delete_unpublished(cursor: Cursor, run: Run) -> None:
    """Delete the rejections that earlier replays of the same records stored, if those ended unpublished."""
    cursor.execute(
        Sql(
            "DELETE FROM dataforge.rejections old USING {} m, dataforge.migrations ended"
            " WHERE old.replay_of = m.rejection AND ended.migration_id = old.migration_id"
            " AND ended.status NOT IN ('running', 'published')"
        ).format(relation(run.id))
    )
