"""Describe the routes that deliver tables, rows and quality."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from dataforge.api.describe import PAGE, Document, answer, operation, query
from dataforge.api.quality_shapes import QualityReport
from dataforge.api.shapes import Shape
from dataforge.http import Kind
from dataforge.tables.datasets import DATASETS, DEFAULT

TAG = ("Delivery", "Tables, their rows page by page, and their quality.")

NDJSON = "application/x-ndjson"
DATASET = query("dataset", "Of this dataset.", {"type": "string", "enum": list(DATASETS), "default": DEFAULT})
TABLE = {
    "name": "table",
    "in": "path",
    "required": True,
    "description": "A table of the dataset.",
    "schema": {"type": "string", "examples": list(DATASETS[DEFAULT].tables)},
}
FILTERS = """\
`column=op.value`, with op of `eq`, `neq`, `gt`, `gte`, `lt`, `lte`, `in` (`in.(a,"b,c")`), `is` \
(`is.null`, `is.not_null`), `like` (`like.*text*`; the star is the one wildcard). Filters are combined with AND; a column \
may have several.\
"""


class ForeignKeyOfTable(Shape):
    """The columns have the values of a row in another table, or one of them is null."""

    column: Annotated[str | None, Field(description="the column; null if there are several")]
    table: str
    references: Annotated[
        str | None, Field(description="the column of the other table; null if there are several")
    ]
    columns: list[str]
    parent_columns: list[str]
    enforced: Annotated[bool, Field(description="false: rows may refer to rows that do not exist")]


class ColumnOfTable(Shape):
    """A column, as the database has it."""

    name: str
    type: str
    nullable: bool
    description: str


class TableDocument(Shape):
    """A table: its columns, number of rows and quality."""

    name: str
    dataset: str
    description: str
    key: list[str]
    foreign_keys: list[ForeignKeyOfTable]
    columns: list[ColumnOfTable]
    json_schema: Annotated[dict[str, Any], Field(description="of a row, as a writer sends it")]
    row_count: int
    row_count_exact: Annotated[bool, Field(description="false: an estimate, for tables over 512 MiB")]
    quality: Annotated[float | None, Field(description="of the last migration; null before the first")]
    quality_threshold: float
    migration_id: str | None


class TableList(Shape):
    """The dataset's tables."""

    data: list[TableDocument]


class RecordPage(Shape):
    """Rows in the order of the key."""

    data: list[dict[str, Any]]
    next_cursor: Annotated[str | None, Field(description="for the next page; null on the last one")]


MODELS: tuple[type[BaseModel], ...] = ()
SHAPES: tuple[type[Shape], ...] = (TableList, RecordPage, QualityReport)


def paths() -> Document:
    """Path -> method -> operation."""
    return {
        "/v1/tables": {"get": _get_tables()},
        "/v1/tables/{table}": {"get": _get_table()},
        "/v1/tables/{table}/records": {"get": _get_records()},
        "/v1/quality": {"get": _get_quality()},
    }


def _get_tables() -> Document:
    return operation(
        "listTables",
        "List a dataset's tables",
        "Each with its columns, keys, number of rows, and the quality that the last migration measured.",
        tag=TAG[0],
        least=Kind.READER,
        answers={200: answer("The tables.", "TableList"), 304: UNCHANGED},
        problems=(400, 404, 409, 503),
        parameters=[DATASET],
    )


def _get_table() -> Document:
    return operation(
        "getTable",
        "Describe a table",
        "Its columns, keys, number of rows, and the quality that the last migration measured.",
        tag=TAG[0],
        least=Kind.READER,
        answers={200: answer("The table.", "TableDocument"), 304: UNCHANGED},
        problems=(400, 404, 409, 503),
        parameters=[TABLE, DATASET],
    )


def _get_records() -> Document:
    found = operation(
        "listRecords",
        "Read a table page by page",
        "In the order of the key. Every page costs the same, and a row that exists during all requests is returned exactly "
        "once, also under inserts and deletes. A page is shorter if it would exceed the size of a response.\n\nEvery "
        "other parameter is a filter: " + FILTERS,
        tag=TAG[0],
        least=Kind.READER,
        answers={200: answer("One page.", "RecordPage", {"data": [], "next_cursor": None}), 304: UNCHANGED},
        problems=(400, 404, 409, 413, 503),
        parameters=[
            TABLE,
            DATASET,
            PAGE[0],
            query(
                "cursor", "`next_cursor` of the page before; opaque.", {"type": "string", "maxLength": 4000}
            ),
            query("select", "These columns, in this order: `a,b`.", {"type": "string"}),
            query(
                "min_quality",
                "Respond 409 if the last migration measured a lower quality.",
                {"type": "number", "minimum": 0, "maximum": 1},
            ),
        ],
    )
    page = found["responses"]["200"]
    page["content"][NDJSON] = {"schema": {"type": "string"}}
    page["headers"] = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
    }
    return found


def _get_quality() -> Document:
    return operation(
        "getQuality",
        "Get the quality of the data",
        "Per dataset and table, from the records of all migrations and batches: the score (1 - rejected / read), total and "
        "over a window, its trend, every rule with its pass rate in the window, freshness, and how the last migration was "
        "reconciled.",
        tag=TAG[0],
        least=Kind.READER,
        answers={200: answer("The quality.", "QualityReport"), 304: UNCHANGED},
        problems=(400, 404, 503),
        parameters=[
            query("dataset", "Of this dataset. Default: of all.", {"type": "string", "enum": list(DATASETS)}),
            query(
                "window",
                "Hours, days or weeks.",
                {"type": "string", "pattern": "^[1-9][0-9]{0,2}[hdw]$", "default": "30d"},
            ),
        ],
    )


UNCHANGED = {"description": "The representation in If-None-Match is current."}
HEADERS = {
    "Data-Quality": "score, threshold and migration, of the last migration of the table",
    "X-Filter-Unindexed": "filtered columns without an index; the response may be slow",
    "Link": "the next page, relative to this one",
    "ETag": "for If-None-Match",
}
