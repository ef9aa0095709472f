"""The listing of rejections: of batches and of migrations, oldest first, page by page."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from dataforge.api.body import Body
from dataforge.columns import NO_NUL, Ordinal
from dataforge.http.cursors import make_cursor, read_cursor
from dataforge.http.sizes import leading

PAGE_BYTES = 2 * 2**20
"""What is read for a page at most, beyond its first rejection. It ends earlier where escaping would make it larger than an
answer can be, and a rejection that alone would be is cut."""

_CUT_RAW, _CUT_ERRORS, _CUT_TEXT = 100_000, 100, 500
"""What is left of a rejection that is cut: characters of its raw text, errors, and characters of each of their texts."""

_FILTERS = {
    "dataset": "dataset = %s",
    "table": '"table" = %s',
    "batch_id": "batch_id = %s",
    "migration_id": "migration_id = %s",
    "code": "errors @> jsonb_build_array(jsonb_build_object('code', %s::text))",
}

_PAGE = """
    WITH page AS (SELECT * FROM dataforge.rejections WHERE {where} ORDER BY id LIMIT %s),
    documents AS (SELECT id, json_build_object(
        'id', id, 'dataset', dataset, 'table', "table", 'raw', raw, 'errors', errors,
        'source', CASE WHEN batch_id IS NOT NULL THEN json_build_object('batch_id', batch_id, 'index', index)
            ELSE json_build_object('migration_id', migration_id, 'file', file, 'line', line, 'offset', "offset") END,
        'rejected_at', to_char(rejected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'replayed_at', to_char(replayed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text AS document
        FROM page),
    measured AS (SELECT *, count(*) OVER () AS found,
        sum(octet_length(document)) OVER (ORDER BY id) - octet_length(document) AS before FROM documents)
    SELECT id, document, found FROM measured WHERE before < %s ORDER BY id
"""

Filter = Annotated[str, StringConstraints(pattern=NO_NUL, max_length=500)]


class RejectionQuery(Body):
    """What to list: filters, all of which must hold, and the page."""

    dataset: Filter | None = None
    table: Filter | None = None
    code: Filter | None = None
    batch_id: Filter | None = None
    migration_id: Filter | None = None
    limit: Annotated[Ordinal, Field(le=1000)] = 100
    cursor: Annotated[str, StringConstraints(max_length=500)] | None = None

    @property
    def filters(self) -> dict[str, str]:
        """The filters that are given."""
        return {name: value for name in _FILTERS if (value := getattr(self, name)) is not None}


def list_rejections(cursor: Any, query: RejectionQuery) -> str:
    """One page as JSON: ``{"data": [...], "next_cursor": ...}``. Raises ``InvalidRequest`` for a foreign cursor."""
    scope = ["rejections", query.filters]
    after = 0 if query.cursor is None else read_cursor(scope, query.cursor)
    where = " AND ".join(["id > %s", *(_FILTERS[name] for name in query.filters)])
    values = [after, *query.filters.values(), query.limit + 1, PAGE_BYTES]
    cursor.execute(_PAGE.format(where=where), values)
    rows = cursor.fetchall()
    documents = [document for _, document, _ in rows[: query.limit]]
    fitting = leading([document.encode() for document in documents])
    page = documents[:fitting] if fitting else [_cut(document) for document in documents[:1]]
    more = bool(page) and rows[0][2] > len(page)
    following = json.dumps(make_cursor(scope, rows[len(page) - 1][0]) if more else None)
    return f'{{"data":[{",".join(page)}],"next_cursor":{following}}}'


def _cut(document: str) -> str:
    """The beginning of a rejection that alone is larger than an answer can be; ``cut`` says so."""
    found = json.loads(document)
    raw = found["raw"] if isinstance(found["raw"], str) else json.dumps(found["raw"], ensure_ascii=False)
    errors = [
        {name: text[:_CUT_TEXT] for name, text in error.items()} for error in found["errors"][:_CUT_ERRORS]
    ]
    return json.dumps(found | {"raw": raw[:_CUT_RAW], "errors": errors, "cut": True}, ensure_ascii=False)
