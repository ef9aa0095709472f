"""Describe the routes of backups."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from dataforge.api.body import Body, DatasetName, Tables
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
    query,
)
from dataforge.api.runs import EXAMPLE_ID, ID, Run, RunId, Started, started
from dataforge.api.shapes import Shape
from dataforge.defaults import IDEMPOTENCY_HOURS
from dataforge.http import Kind
from dataforge.tables.datasets import DATASETS, DEFAULT

TAG = (
    "Operations",
    "Backups and restores. A run continues after the response; read its status by its id.",
)
MOST_LISTED = 100


class BackupRequest(Body):
    """Tables of one dataset to back up from one snapshot; without ``tables``, all.

    With ``verify_only``, the id of an existing backup to verify instead.
    """

    dataset: DatasetName = DEFAULT
    tables: Tables | None = None
    verify: Annotated[StrictBool, Field(description="verify the backup after it is written")] = False
    verify_only: RunId | None = None
    unsigned: Annotated[
        StrictBool, Field(description="verify a backup that is not signed, from before backups were signed")
    ] = False

    @model_validator(mode="after")
    def _one_aim(self) -> Self:
        if self.verify_only is not None and self.model_fields_set & {"tables", "verify"}:
            raise PydanticCustomError(
                "one_of", "verify_only does not create a backup: remove tables and verify"
            )
        if self.unsigned and self.verify_only is None:
            raise PydanticCustomError("one_of", "unsigned is for verify_only: a new backup is always signed")
        return self


class BackedUpTable(Shape):
    """A table in a backup."""

    table: str
    rows: int


class Backup(Shape):
    """A complete backup. A backup whose manifest cannot be read is ``unreadable``, and has no tables."""

    id: str
    dataset: str
    kind: Annotated[
        Literal["backup", "safety", "unreadable"],
        Field(description="safety: the rows that a restore replaced"),
    ]
    created_at: Annotated[str, Field(description="the time of its snapshot; ISO 8601, UTC")]
    tables: list[BackedUpTable]
    rows: int
    size: Annotated[int, Field(description="bytes of its files")]
    signed: Annotated[
        bool, Field(description="whether its manifest is signed; backups from before signing are not")
    ]
    verified: Annotated[
        bool, Field(description="whether its last verification found no fault, and is signed")
    ]
    verified_at: str | None
    faults: Annotated[list[str], Field(description="the faults that its last verification found")]
    manifest: Annotated[str, Field(description="S3 URI")]


class BackupPage(Shape):
    """Backups, newest first."""

    data: list[Backup]
    next_cursor: Annotated[str | None, Field(description="for the next page; null on the last one")]


MODELS = (BackupRequest,)
SHAPES: tuple[type[Shape], ...] = (Started, Run, BackupPage)


def paths() -> Document:
    """Path -> method -> operation."""
    return {
        "/v1/backups": {"get": _list(), "post": _start()},
        "/v1/backups/{id}": {"get": _get()},
    }


def _start() -> Document:
    return operation(
        "startBackup",
        "Start a backup",
        "All tables come from one snapshot of the database, without blocking writers. The response is immediate; `id` is "
        "the `backup_id`.",
        tag=TAG[0],
        least=Kind.OPERATOR,
        answers={202: accepted("The run is started.", "Started", started())},
        problems=(400, 413, 415, 422, 503),
        parameters=[
            idempotency_key(
                f"A retry with the same key and body does not start another run, for at least {IDEMPOTENCY_HOURS} hours."
            ),
            CONTENT_ENCODING,
            CURSOR,
        ],
        body=json_body("BackupRequest", {"dataset": DEFAULT, "verify": True}, required=False),
    )


def _list() -> Document:
    return operation(
        "listBackups",
        "List backups",
        "Complete backups, newest first, including the safety backups of restores.",
        tag=TAG[0],
        least=Kind.OPERATOR,
        answers={200: answer("One page.", "BackupPage", {"data": [_example()], "next_cursor": None})},
        problems=(400, 503),
        parameters=[
            query("dataset", "Of this dataset. Default: of all.", {"type": "string", "enum": list(DATASETS)}),
            query(
                "limit",
                "The maximum number of items.",
                {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": MOST_LISTED},
            ),
            CURSOR,
        ],
    )


def _get() -> Document:
    output = {"backup_id": EXAMPLE_ID, "manifest": _example()["manifest"]}
    done = {"id": EXAMPLE_ID, "status": "succeeded", "output": output}
    return operation(
        "getBackup",
        "Get the status of a backup",
        "Includes backups that the command line, the console or the schedule started.",
        tag=TAG[0],
        least=Kind.OPERATOR,
        answers={200: answer("The status.", "Run", done)},
        problems=(404, 503),
        parameters=[part("id", "The id from POST, or from the list.", ID)],
    )


def _example() -> dict[str, Any]:
    return {
        "id": EXAMPLE_ID,
        "dataset": DEFAULT,
        "kind": "backup",
        "created_at": "2026-11-25T19:59:31.250000Z",
        "tables": [{"table": next(iter(DATASETS[DEFAULT].tables)), "rows": 71}],
        "rows": 71,
        "size": 4096,
        "signed": True,
        "verified": True,
        "verified_at": "2026-11-25T19:59:40.125000Z",
        "faults": [],
        "manifest": f"s3://…/{DEFAULT}/{EXAMPLE_ID}/manifest.json",
    }
