"""Describe the routes of restores."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from dataforge.api.backups import TAG as TAG  # noqa: PLC0414  one heading for both
from dataforge.api.body import Body, DatasetName, TableName, Tables
from dataforge.api.describe import (
    CONTENT_ENCODING,
    Document,
    accepted,
    answer,
    idempotency_key,
    json_body,
    operation,
    part,
)
from dataforge.api.runs import EXAMPLE_ID, ID, RunId, started
from dataforge.api.shapes import Shape
from dataforge.defaults import IDEMPOTENCY_HOURS
from dataforge.http import Kind
from dataforge.runs.ids import FORM, LATEST
from dataforge.tables.datasets import DATASETS, DEFAULT


class RestoreRequest(Body):
    """One table to restore, or several tables of one backup.

    ``backup`` is an id or ``latest``, the newest backup that contains them and is not a safety backup. ``undo`` restores the
    safety backup of a restore, by default all tables; ``finish`` completes a restore whose safety backup is not written.
    """

    dataset: DatasetName = DEFAULT
    table: TableName | None = None
    tables: Tables | None = None
    backup: Annotated[str, Field(pattern=f"^({LATEST}|{FORM.pattern})$")] = LATEST
    dry_run: Annotated[StrictBool, Field(description="report the changes without making them")] = False
    undo: Annotated[RunId | None, Field(description="the id of a restore")] = None
    finish: Annotated[RunId | None, Field(description="the id of a restore")] = None
    unsigned: Annotated[
        StrictBool,
        Field(description="do not verify the signature of the backup, of which the id is given"),
    ] = False

    @model_validator(mode="after")
    def _one_aim(self) -> Self:
        given = {name for name in self.model_fields_set - {"dataset"} if getattr(self, name) is not None}
        if not given & {"table", "tables", "undo", "finish"} or {"table", "tables"} <= given:
            raise PydanticCustomError("one_of", "Give table or tables, or the restore to undo")
        if self.unsigned and self.undo is None and self.backup == LATEST:
            raise PydanticCustomError("one_of", "unsigned requires the id of the backup, or undo")
        if {"undo", "backup"} <= given:
            raise PydanticCustomError("one_of", "undo restores a safety backup: remove backup")
        if "finish" in given and len(given) > 1:
            raise PydanticCustomError("one_of", "finish excludes all other fields")
        return self


MODELS = (RestoreRequest,)
SHAPES: tuple[type[Shape], ...] = ()


def paths() -> Document:
    """Path -> method -> operation."""
    return {"/v1/restores": {"post": _start()}, "/v1/restores/{id}": {"get": _get()}}


def _start() -> Document:
    return operation(
        "startRestore",
        "Start a restore",
        "All or nothing: readers see the old rows until the new rows are visible. A safety backup stores the replaced rows; "
        "`undo` restores it. `dry_run` changes nothing. 404 unless the deployment enables the route (context key "
        "`restoreApi`).",
        tag=TAG[0],
        least=Kind.OPERATOR,
        answers={202: accepted("The run is started.", "Started", started())},
        problems=(400, 404, 413, 415, 422, 503),
        parameters=[
            idempotency_key(
                f"A retry with the same key and body does not start another run, for at least {IDEMPOTENCY_HOURS} hours."
            ),
            CONTENT_ENCODING,
        ],
        body=json_body("RestoreRequest", {"table": _table(), "backup": LATEST, "dry_run": True}),
    )


def _get() -> Document:
    return operation(
        "getRestore",
        "Get the status of a restore",
        "After success, the output has the counts of rows and the id of the safety backup.",
        tag=TAG[0],
        least=Kind.OPERATOR,
        answers={200: answer("The status.", "Run", _failed())},
        problems=(404, 503),
        parameters=[part("id", "The id from POST.", ID)],
    )


def _table() -> str:
    return next(iter(DATASETS[DEFAULT].tables))


def _failed() -> dict[str, Any]:
    cause = f"There is no backup of {_table()!r}."
    return {"id": EXAMPLE_ID, "status": "failed", "error": "NoSuchBackup", "cause": cause}
