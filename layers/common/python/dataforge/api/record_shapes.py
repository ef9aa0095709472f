"""Shapes of the responses about batches and rejections."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dataforge.api.shapes import Shape

Status = Literal["inserted", "updated", "unchanged", "ignored", "rejected", "valid"]


class RecordError(Shape):
    """One reason why a record is rejected. Codes are stable; messages are for people."""

    pointer: Annotated[str, Field(description="JSON Pointer into the request")]
    code: str
    message: str


class Result(Shape):
    """The result of one record; a rejected record has all its errors."""

    index: Annotated[int, Field(ge=0, description="place in the request's records, from 0")]
    table: str
    status: Status
    errors: list[RecordError] | None = None
    more_errors: Annotated[
        int | None,
        Field(
            ge=1, description="errors that are left out, where all of them would make the answer too large"
        ),
    ] = None


class Counts(Shape):
    """Records by status. Received is their sum."""

    received: int
    inserted: int
    updated: int
    unchanged: int
    ignored: int
    valid: int
    rejected: int


class BatchReport(Shape):
    """The result of a batch."""

    batch_id: str
    mode: Literal["partial", "atomic", "dry_run"]
    counts: Counts
    results: list[Result]


class RejectionError(Shape):
    """One reason; a batch's names a pointer, a migration's a column, where the record as a whole is not meant."""

    code: str
    message: str
    pointer: str | None = None
    column: str | None = None


class BatchSource(Shape):
    """A rejected record that came over HTTP."""

    batch_id: str
    index: int


class FileSource(Shape):
    """A rejected record that came from a CSV."""

    migration_id: str
    file: str
    line: Annotated[int, Field(ge=1, description="the header is line 1")]
    offset: Annotated[int, Field(ge=0, description="the record's first byte in the file")]
    version: Annotated[
        str | None,
        Field(
            description="the version of the file in which the record is read; the database does not store it"
        ),
    ] = None
    length: Annotated[int | None, Field(description="the bytes of the record in that version")] = None


class Rejection(Shape):
    """A rejected record, stored whole."""

    id: int
    dataset: str
    table: str
    raw: Annotated[Any, Field(description="the record's data as it was sent; a CSV's record is a text")]
    errors: list[RejectionError]
    source: BatchSource | FileSource
    rejected_at: Annotated[str, Field(description="ISO 8601, UTC")]
    replayed_at: str | None
    cut: Annotated[
        Literal[True] | None,
        Field(
            description="`raw` and `errors` are cut: the whole rejection is larger than an answer can be, or its record does"
            " not exist any more in the report bucket or in the version of its file, and `raw` is null"
        ),
    ] = None


class RejectionPage(Shape):
    """Rejections, the oldest first. They expire: by default after 90 days, or a week after a replay stored their records."""

    data: list[Rejection]
    next_cursor: Annotated[str | None, Field(description="for the next page; null on the last one")]


SHAPES: tuple[type[Shape], ...] = (BatchReport, RejectionPage)
