"""List the rejections of batches and migrations, oldest first, page by page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints, TypeAdapter

from dataforge.api.body import Body, PageCursor
from dataforge.defaults import MOST_PAGE_ROWS, PAGE_ROWS
from dataforge.http.cursors import make_cursor, read_cursor
from dataforge.http.sizes import leading
from dataforge.postgres.cursor_keys import LedgerKeys
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.s3.rejected_texts import Location, complete, ranges
from dataforge.tables.columns import NO_NUL, Ordinal
from functions.ingest.visible_rejections import Visible

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


PAGE_BYTES = 2 * 2**20
"""Bytes to read for a page, beyond its first rejection. A page ends earlier if escaping would make it larger
than a response can be. A rejection that is larger than a response is cut."""

_CUT_RAW, _CUT_ERRORS, _CUT_TEXT = 100_000, 100, 500
"""Limits of a rejection that is cut: characters of its raw text, errors, and characters of each error's texts."""

_FILTERS = {
    "dataset": "dataset = %s",
    "table": '"table" = %s',
    "batch_id": "batch_id = %s",
    "migration_id": "migration_id = %s",
    "code": "errors @> jsonb_build_array(jsonb_build_object('code', %s::text))",
}

_PAGE = """
    DECLARE page NO SCROLL CURSOR FOR SELECT id, json_build_object(
        'id', id, 'dataset', dataset, 'table', "table", 'raw', raw, 'errors', errors,
        'source', CASE WHEN batch_id IS NOT NULL THEN json_build_object('batch_id', batch_id, 'index', index)
            ELSE json_build_object('migration_id', migration_id, 'file', file, 'line', line, 'offset', "offset") END,
        'rejected_at', to_char(rejected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'replayed_at', to_char(replayed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, raw_at::text
    FROM dataforge.rejections WHERE {where} ORDER BY id LIMIT %s
"""
_RAW = "SELECT left(raw::text, %s) FROM dataforge.rejections WHERE id = %s"
MOST_REQUESTS = 10
"""Requests to buckets for a page. A page ends before the next; neighbours in an object are read by one."""

_FETCHED_FIRST = 10
"""Rejections to fetch before their size is known."""

_POSITION = TypeAdapter(Annotated[int, Field(ge=0, lt=2**63)])
"""The id of a rejection."""

Filter = Annotated[str, StringConstraints(pattern=NO_NUL, max_length=500)]


class RejectionQuery(Body):
    """Filters, which are combined by AND, and the page."""

    dataset: Filter | None = None
    table: Filter | None = None
    code: Filter | None = None
    batch_id: Filter | None = None
    migration_id: Filter | None = None
    limit: Annotated[Ordinal, Field(le=MOST_PAGE_ROWS)] = PAGE_ROWS
    cursor: PageCursor | None = None

    @property
    def filters(self) -> dict[str, str]:
        """The given filters."""
        return {name: value for name in _FILTERS if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Item:
    """A rejection as JSON, and where its record is if the database does not store it."""

    id: int
    document: str
    location: Location | None

    @property
    def size(self) -> int:
        """Characters of the rejection, with those of its record."""
        return len(self.document) + (self.location.length if self.location else 0)


ReadLocated = Callable[[list[Location]], Mapping[Location, str | None]]
"""Reads the records at these locations, of each its data and errors as JSON; None for one that does not exist."""


def list_rejections(
    cursor: Cursor, query: RejectionQuery, visible: Visible, read_located: ReadLocated
) -> str:
    """One page of the visible rejections as JSON: ``{"data": [...], "next_cursor": ...}``.

    Raises ``InvalidRequest`` for a cursor of another query, ``Unavailable``.
    """
    scope, keys = ["rejections", query.filters, *visible.scope], LedgerKeys(cursor, "ingest")
    after = 0 if query.cursor is None else read_cursor(keys, scope, query.cursor, _POSITION)
    where = " AND ".join(["id > %s", visible.condition, *(_FILTERS[name] for name in query.filters)])
    values = [after, *visible.values, *query.filters.values(), query.limit + 1]
    cursor.execute(_PAGE.format(where=where), values)
    rows = _fetch(cursor, query.limit + 1)
    items = rows[: min(query.limit, _within(rows))]
    located = read_located([item.location for item in items if item.location])
    documents = [_complete(item, located) for item in items]
    fitting = leading(documents)
    page = documents[:fitting] if fitting else [_cut(cursor, item, located) for item in items[:1]]
    following = make_cursor(keys, scope, rows[len(page) - 1].id) if len(rows) > len(page) else None
    return f'{{"data":[{",".join(page)}],"next_cursor":{json.dumps(following)}}}'


def _fetch(cursor: Cursor, most: int) -> list[Item]:
    """Rejections from the cursor ``page``: at most ``most``, and at least one more than ``_within`` counts."""
    rows: list[Item] = []
    wanted = min(_FETCHED_FIRST, most)
    while wanted:
        cursor.execute(Sql("FETCH {} FROM page").format(wanted))
        fetched = [
            Item(number, document, Location.model_validate_json(location) if location else None)
            for number, document, location in cursor.fetchall()
        ]
        rows += fetched
        if len(fetched) < wanted or _within(rows) < len(rows):
            break
        size = sum(item.size for item in rows)
        wanted = min(most - len(rows), max(1, (PAGE_BYTES - size) * len(rows) // size + 1))
    return rows


def _within(rows: Sequence[Item]) -> int:
    """How many of the rejections begin within PAGE_BYTES and are read by the first MOST_REQUESTS requests."""
    requests = list(islice(ranges(row.location for row in rows if row.location), MOST_REQUESTS + 1))
    readable = sum(map(len, requests[:MOST_REQUESTS]))
    size = located = 0
    for count, item in enumerate(rows):
        located += item.location is not None
        if size >= PAGE_BYTES or located > readable:
            return count
        size += item.size
    return len(rows)


def _complete(item: Item, located: Mapping[Location, str | None]) -> str:
    """The rejection with its record, which is null and marked by ``cut`` if it could not be read."""
    return complete(item.document, item.location, located[item.location]) if item.location else item.document


def _cut(cursor: Cursor, item: Item, located: Mapping[Location, str | None]) -> str:
    """A rejection that is larger than a response, truncated and marked by ``cut``."""
    found = json.loads(_complete(item, located))
    raw = found["raw"]
    if item.location and (record := located[item.location]):
        # The text has exact numbers.
        raw = (
            found["raw"] if item.location.in_source else record[len('{"raw":') : record.rindex(',"errors":[')]
        )
    elif not isinstance(raw, str):
        # The text of PostgreSQL has exact numbers.
        cursor.execute(_RAW, (_CUT_RAW, found["id"]))
        (raw,) = one_row(cursor)
    errors = [
        {name: text[:_CUT_TEXT] for name, text in error.items()} for error in found["errors"][:_CUT_ERRORS]
    ]
    return json.dumps(found | {"raw": raw[:_CUT_RAW], "errors": errors, "cut": True}, ensure_ascii=False)
