"""Read the inputs of state machines from request bodies, checked against the catalogue."""

from __future__ import annotations

from typing import Any

from dataforge.api.backups import BackupRequest
from dataforge.api.body import pointer, read_body
from dataforge.api.exports import ExportRequest
from dataforge.api.restores import RestoreRequest
from dataforge.errors import InvalidRequest, UnknownTable
from dataforge.tables.datasets import get_dataset

INVALID = "The body is invalid; see errors."


def read_backup(document: Any) -> dict[str, Any]:
    """The input of a backup. Raises ``InvalidRequest``."""
    request = read_body(BackupRequest, document, INVALID)
    _check(request.dataset, {("tables", i): name for i, name in enumerate(request.tables or ())})
    return _input(request)


def read_restore(document: Any) -> dict[str, Any]:
    """The input of a restore. Raises ``InvalidRequest``."""
    request = read_body(RestoreRequest, document, INVALID)
    pointers: dict[tuple[str | int, ...], str] = {
        ("tables", i): name for i, name in enumerate(request.tables or ())
    }
    if request.table is not None:
        pointers[("table",)] = request.table
    _check(request.dataset, pointers)
    return _input(request)


def read_export(document: Any) -> dict[str, Any]:
    """The input of an export. Raises ``InvalidRequest``."""
    request = read_body(ExportRequest, document, INVALID)
    _check(request.dataset, {("table",): request.table})
    return _input(request)


def _check(dataset: str, tables: dict[Any, str]) -> None:
    errors = []
    for path, name in tables.items():
        try:
            get_dataset(dataset).table(name)
        except UnknownTable as error:
            errors.append({"pointer": pointer(*path), "code": "unknown_table", "message": str(error)})
    if errors:
        raise InvalidRequest(INVALID, errors)


def _input(request: BackupRequest | RestoreRequest | ExportRequest) -> dict[str, Any]:
    """The given fields and the dataset. The state machine has the defaults of the others."""
    return {"dataset": request.dataset, **request.model_dump(exclude_unset=True, exclude_none=True)}
