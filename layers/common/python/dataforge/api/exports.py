"""Describe the routes of exports."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dataforge.api.body import Body, DatasetName, PageCursor, TableName
from dataforge.api.delivery import TAG as TAG  # noqa: PLC0414  one heading for both
from dataforge.api.describe import (
    CONTENT_ENCODING,
    CURSOR,
    Document,
    accepted,
    answer,
    idempotency_key,
    json_body,
    operation,
    part,
)
from dataforge.api.runs import EXAMPLE_ID, ID, started
from dataforge.api.shapes import Shape
from dataforge.defaults import IDEMPOTENCY_HOURS
from dataforge.http import Kind
from dataforge.runs.exports import Format
from dataforge.tables.datasets import DATASETS, DEFAULT

URL_SECONDS = 3600
"""The validity of a download address; each request returns new ones."""


MOST_FILES = 500
"""Files of one answer: an address has up to 2,000 characters, and Lambda returns 6 MB."""


class FilesQuery(Body):
    """Which files of an export to show: those after a page of them."""

    cursor: PageCursor | None = None


class ExportRequest(Body):
    """Which table to export, and how."""

    dataset: DatasetName = DEFAULT
    table: TableName
    format: Format = "parquet"


class ExportedFile(Shape):
    """A file to download."""

    name: str
    url: Annotated[str, Field(description=f"good for {URL_SECONDS} seconds; takes no key")]
    rows: int
    size: Annotated[int, Field(description="bytes")]
    sha256: str


class ExportedColumn(Shape):
    """A column of the files, as the database has it."""

    name: str
    type: str
    nullable: bool


class Exported(Shape):
    """The exported table, from one snapshot."""

    export_id: str
    dataset: str
    table: str
    format: Format
    created_at: str
    rows: int
    content_hash: Annotated[str, Field(description="of all rows, as a migration and a backup compute it")]
    row_hash: str
    columns: list[ExportedColumn]
    backup_id: Annotated[
        str | None, Field(description="the backup whose files these are, if it held these rows")
    ]
    files: list[ExportedFile]
    next_cursor: Annotated[
        str | None,
        Field(description=f"for the next files, of which an answer has {MOST_FILES}; null after the last"),
    ]


class ExportRun(Shape):
    """The status of an export."""

    id: str
    status: Literal["running", "succeeded", "failed"]
    output: Exported | None = None
    error: Annotated[str | None, Field(description="names the situation; stable")] = None
    cause: Annotated[str | None, Field(description="for people")] = None


MODELS = (ExportRequest,)
SHAPES: tuple[type[Shape], ...] = (ExportRun,)


def paths() -> Document:
    """Path -> method -> operation."""
    return {"/v1/exports": {"post": _start()}, "/v1/exports/{id}": {"get": _get()}}


def _start() -> Document:
    return operation(
        "startExport",
        "Export a table",
        "The whole table as it is at one instant, as Parquet, or as NDJSON whose lines are the rows of the pages. If the "
        "newest backup holds just these rows, the answer names its files, and none are written. While an export of this "
        "table is running for the key, the answer is that one's; in another format it is 409. The deployment limits how "
        "many exports are running at once: beyond that the answer is 503.",
        tag=TAG[0],
        least=Kind.READER,
        answers={202: accepted("The run is started.", "Started", started())},
        problems=(400, 409, 413, 415, 422, 503),
        parameters=[
            idempotency_key(
                f"A retry with the same key and body does not start another run, for at least {IDEMPOTENCY_HOURS} hours."
            ),
            CONTENT_ENCODING,
        ],
        body=json_body("ExportRequest", {"table": next(iter(DATASETS[DEFAULT].tables)), "format": "ndjson"}),
    )


def _get() -> Document:
    example: dict[str, Any] = {"id": EXAMPLE_ID, "status": "running"}
    return operation(
        "getExport",
        "Get the status and the files of an export",
        "After success, with download addresses. The files expire after `exportKeepDays` days (default 30).",
        tag=TAG[0],
        least=Kind.READER,
        answers={200: answer("The status.", "ExportRun", example)},
        problems=(400, 404, 503),
        parameters=[
            part("id", "The id from POST.", ID),
            CURSOR,
        ],
    )
