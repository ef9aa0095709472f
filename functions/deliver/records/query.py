"""Parse a request for records: page, columns, filters and minimum quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dataforge.defaults import MOST_PAGE_ROWS, PAGE_ROWS
from dataforge.errors import InvalidRequest
from dataforge.tables.catalogue import Table
from dataforge.tables.columns import Exact, Ordinal
from dataforge.tables.datasets import DEFAULT
from functions.deliver.records.filters import Filter, read_filter

MOST_FILTERS = 50


class PageParameters(BaseModel):
    """The parameters that are not filters."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    dataset: str = DEFAULT
    limit: Annotated[Ordinal, Field(le=MOST_PAGE_ROWS)] = PAGE_ROWS
    cursor: Annotated[str, StringConstraints(max_length=4000)] | None = None
    select: str | None = None
    min_quality: Annotated[Exact, Field(ge=0, le=1)] | None = None


@dataclass(frozen=True)
class RecordQuery:
    """A page of a table: rows and columns."""

    table: Table
    columns: tuple[str, ...]
    filters: tuple[Filter, ...]
    limit: int
    cursor: str | None
    min_quality: Decimal | None
    scope: Sequence[Any]
    """The queries for which a cursor is valid: those for the same rows, with any columns."""


def read_parameters(query: Mapping[str, Sequence[str]]) -> PageParameters:
    """Parse the parameters that are not filters. Raises ``InvalidRequest`` with all invalid or repeated ones."""
    given = {name: values for name, values in query.items() if name in PageParameters.model_fields}
    repeated = [name for name, values in given.items() if len(values) != 1]
    if repeated:
        raise InvalidRequest(f"Parameters are repeated: {', '.join(repeated)}.")
    try:
        return PageParameters.model_validate({name: values[0] for name, values in given.items()})
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [{"parameter": str(e["loc"][0]), "code": e["type"], "message": e["msg"]} for e in found]
        raise InvalidRequest("The query is invalid; see errors.", errors) from None


def read_query(table: Table, parameters: PageParameters, query: Mapping[str, Sequence[str]]) -> RecordQuery:
    """Parse the whole query. Raises ``InvalidRequest``."""
    conditions = [
        (name, text)
        for name, texts in query.items()
        if name not in PageParameters.model_fields
        for text in texts
    ]
    if len(conditions) > MOST_FILTERS:
        raise InvalidRequest(f"The query has {len(conditions)} filters; the limit is {MOST_FILTERS}.")
    return RecordQuery(
        table=table,
        columns=_columns(table, parameters.select),
        filters=tuple(read_filter(table, name, text) for name, text in conditions),
        limit=parameters.limit,
        cursor=parameters.cursor,
        min_quality=parameters.min_quality,
        scope=[table.dataset, table.name, sorted(conditions)],
    )


def _columns(table: Table, select: str | None) -> tuple[str, ...]:
    if select is None:
        return table.column_names
    names = tuple(name.strip() for name in select.split(","))
    unknown = [name for name in names if name not in table.by_name]
    if unknown:
        message = f"{table.name} has no column {unknown[0][:100]!r}"
    elif len(set(names)) < len(names):
        message = "a column is repeated"
    else:
        return names
    raise InvalidRequest(
        f"The query is invalid: {message}.",
        [{"parameter": "select", "code": "unknown_column" if unknown else "repeated", "message": message}],
    )
