"""List the audit for operators."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter

from dataforge.api.body import PageCursor, read_query
from dataforge.audit.listing import AuditQuery, list_entries
from dataforge.http.cursors import make_cursor, read_cursor
from dataforge.postgres.cursor_keys import LedgerKeys

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_POSITION = TypeAdapter(Annotated[int, Field(ge=0, lt=2**63)])
"""The id of an entry."""


class PageQuery(AuditQuery):
    """The filters and the page."""

    cursor: PageCursor | None = None


def audit_page(cursor: Cursor, parameters: Mapping[str, str]) -> str:
    """One page as JSON: ``{"data": [...], "next_cursor": ...}``. Raises ``InvalidRequest``."""
    query = read_query(PageQuery, parameters)
    filters = {name: str(value) for name, value in query.filters.items()}
    scope, keys = ["audit", filters], LedgerKeys(cursor, "deliver")
    before = None if query.cursor is None else read_cursor(keys, scope, query.cursor, _POSITION)
    page, following = list_entries(cursor, query, before)
    more = None if following is None else make_cursor(keys, scope, following)
    return f'{{"data":[{",".join(page)}],"next_cursor":{json.dumps(more)}}}'
