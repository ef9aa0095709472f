"""List the audit, newest first, page by page."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from dataforge.api.body import Body
from dataforge.audit.operations import Result
from dataforge.defaults import MOST_PAGE_ROWS, PAGE_ROWS
from dataforge.http.sizes import leading
from dataforge.postgres.sql import Sql
from dataforge.runs.ids import time_of
from dataforge.tables.columns import NO_NUL, Ordinal

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Filter = Annotated[str, StringConstraints(pattern=NO_NUL, max_length=2048)]

_CONDITIONS = {
    "operation": Sql("operation = %s"),
    "result": Sql("result = %s"),
    "principal": Sql("principal = %s"),
    "dataset": Sql("dataset = %s"),
    "since": Sql("at >= %s"),
}

_PAGE = Sql("""
    SELECT id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), operation, result, principal_kind, principal,
        requested_by, dataset, object, error
    FROM dataforge.audit WHERE {where} ORDER BY id DESC LIMIT %s
""")

_QUERY = (
    "aws cloudtrail lookup-events --lookup-attributes AttributeKey={attribute},AttributeValue={value}{time}"
    " --query \"Events[?contains(CloudTrailEvent, '{principal}')].[EventTime,Username,CloudTrailEvent]\""
)


def _require_date(text: object) -> object:
    """Refuse numbers, which pydantic reads as seconds since 1970."""
    if isinstance(text, str) and "-" not in text[1:]:
        raise PydanticCustomError("datetime_parsing", "a date and time in ISO 8601 is expected")
    return text


class AuditQuery(Body):
    """Filters, which are combined by AND. ``since``: the earliest time, with its offset."""

    operation: Filter | None = None
    result: Result | None = None
    principal: Filter | None = None
    dataset: Filter | None = None
    since: Annotated[AwareDatetime, BeforeValidator(_require_date)] | None = None
    limit: Annotated[Ordinal, Field(le=MOST_PAGE_ROWS)] = PAGE_ROWS

    @property
    def filters(self) -> dict[str, Any]:
        """The given filters."""
        return {name: value for name in _CONDITIONS if (value := getattr(self, name)) is not None}


def list_entries(
    cursor: Cursor, query: AuditQuery, before: int | None = None
) -> tuple[list[str], int | None]:
    """The newest entries as JSON, older than the id ``before``, and the id to continue before; None at the end.

    There are fewer than ``query.limit`` if more would not fit into an answer.
    """
    filters = query.filters
    where = [Sql("id < %s")] * (before is not None) + [_CONDITIONS[name] for name in filters]
    values = [*([] if before is None else [before]), *filters.values(), query.limit + 1]
    cursor.execute(_PAGE.format(where=Sql(" AND ").join(where or [Sql("true")])), values)
    rows = cursor.fetchall()
    found = [json.dumps(_document(*row), ensure_ascii=False) for row in rows[: query.limit]]
    page = found[: leading(found)]
    more = len(rows) > len(page)
    return page, rows[len(page) - 1][0] if more else None


def _document(
    number: int,
    at: str,
    operation: str,
    result: str,
    kind: str,
    principal: str,
    requested_by: str | None,
    dataset: str | None,
    about: dict[str, Any],
    error: str | None,
) -> dict[str, Any]:
    return {
        "id": number,
        "at": at,
        "operation": operation,
        "result": result,
        "principal": {"kind": kind, "id": principal},
        "requested_by": None if requested_by is None else {"stated": requested_by},
        "dataset": dataset,
        "object": about,
        "error": error,
        "identity_query": identity_query(kind, principal),
    }


def identity_query(kind: str, principal: str) -> str | None:
    """The command that finds the caller in CloudTrail; None for an API key, and for an invocation, which is a data event."""
    match kind:
        case "execution":
            attribute, value = "EventName", "StartExecution"
        case "stack":
            attribute, value = "EventSource", "cloudformation.amazonaws.com"
        case _:
            return None
    return _QUERY.format(attribute=attribute, value=value, principal=principal, time=_times(principal))


def _times(execution: str) -> str:
    """The time of the start if the execution's name has it; the search takes seconds then, and minutes otherwise."""
    started = time_of(execution.rpartition(":")[2])
    if started is None:
        return ""
    around = (started - timedelta(hours=1), started + timedelta(hours=1))
    first, last = (f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for moment in around)
    return f" --start-time {first} --end-time {last}"
