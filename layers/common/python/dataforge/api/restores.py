"""Restores over HTTP: started, looked at."""

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
from dataforge.http import Kind
from dataforge.runs.ids import FORM
from dataforge.tables.datasets import DATASETS, DEFAULT

LATEST = "latest"


class RestoreRequest(Body):
    """What to restore: one table, or several of one backup together.

    ``backup`` is an id or ``latest``, the newest one that holds them and is no safety copy. ``undo`` brings back what a
    restore replaced, by default all of it; ``finish`` completes a restore that ended before its safety copy was written.
    """

    dataset: DatasetName = DEFAULT
    table: TableName | None = None
    tables: Tables | None = None
    backup: Annotated[str, Field(pattern=f"^({LATEST}|{FORM.pattern})$")] = LATEST
    dry_run: Annotated[StrictBool, Field(description="tell what would change, and change nothing")] = False
    undo: Annotated[RunId | None, Field(description="the id of a restore")] = None
    finish: Annotated[RunId | None, Field(description="the id of a restore")] = None

    @model_validator(mode="after")
    def _one_aim(self) -> Self:
        given = {name for name in self.model_fields_set - {"dataset"} if getattr(self, name) is not None}
        if not given & {"table", "tables", "undo", "finish"} or {"table", "tables"} <= given:
            raise PydanticCustomError("one_of", "Give table or tables, or the restore to undo")
        if {"undo", "backup"} <= given:
            raise PydanticCustomError("one_of", "undo brings back a safety copy: give no backup with it")
        if "finish" in given and len(given) > 1:
            raise PydanticCustomError("one_of", "finish goes with nothing else")
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
        "All or nothing: readers see the old rows until the new ones are there. The rows that were replaced are kept as a "
        "safety copy, with which `undo` brings them back. With `dry_run` nothing is changed. Only where the deployment "
        "offers it (context key `restoreApi`), else 404.",
        tag=TAG[0],
        least=Kind.OPERATOR,
        answers={202: accepted("It is started.", "Started", started())},
        problems=(400, 404, 413, 415, 422, 503),
        parameters=[
            idempotency_key("A retry with the same key and body starts nothing more, for 24 hours at least."),
            CONTENT_ENCODING,
        ],
        body=json_body("RestoreRequest", {"table": _table(), "backup": LATEST, "dry_run": True}),
    )


def _get() -> Document:
    return operation(
        "getRestore",
        "How a restore goes, or went",
        "The output of one that succeeded counts the rows, and names the safety copy.",
        tag=TAG[0],
        least=Kind.OPERATOR,
        answers={200: answer("How it is.", "Run", _failed())},
        problems=(404, 503),
        parameters=[part("id", "As POST answered it.", ID)],
    )


def _table() -> str:
    return next(iter(DATASETS[DEFAULT].tables))


def _failed() -> dict[str, Any]:
    cause = f"There is no backup of {_table()!r}."
    return {"id": EXAMPLE_ID, "status": "failed", "error": "NoSuchBackup", "cause": cause}
