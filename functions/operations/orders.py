"""What a request wants started, checked against the catalogue before anything starts."""

from __future__ import annotations

from typing import Any

from dataforge.api.backups import BackupRequest
from dataforge.api.body import pointer, read_body
from dataforge.api.exports import ExportRequest
from dataforge.api.restores import RestoreRequest
from dataforge.errors import InvalidRequest, UnknownTable
from dataforge.tables.datasets import get_dataset

WRONG = "The body is not what this route takes; see errors."


def read_backup(document: Any) -> dict[str, Any]:
    """The backup's state machine's input. Raises ``InvalidRequest``."""
    order = read_body(BackupRequest, document, WRONG)
    _check(order.dataset, {("tables", i): name for i, name in enumerate(order.tables or ())})
    return _input(order)


def read_restore(document: Any) -> dict[str, Any]:
    """The restore's state machine's input. Raises ``InvalidRequest``."""
    order = read_body(RestoreRequest, document, WRONG)
    places: dict[tuple[str | int, ...], str] = {
        ("tables", i): name for i, name in enumerate(order.tables or ())
    }
    if order.table is not None:
        places[("table",)] = order.table
    _check(order.dataset, places)
    return _input(order)


def read_export(document: Any) -> dict[str, Any]:
    """The export's state machine's input. Raises ``InvalidRequest``."""
    order = read_body(ExportRequest, document, WRONG)
    _check(order.dataset, {("table",): order.table})
    return _input(order)


def _check(dataset: str, tables: dict[Any, str]) -> None:
    errors = []
    for place, name in tables.items():
        try:
            get_dataset(dataset).table(name)
        except UnknownTable as error:
            errors.append({"pointer": pointer(*place), "code": "unknown_table", "message": str(error)})
    if errors:
        raise InvalidRequest(WRONG, errors)


def _input(order: BackupRequest | RestoreRequest | ExportRequest) -> dict[str, Any]:
    """Only what was given, and the dataset: what is left out, the machine itself knows best."""
    return {"dataset": order.dataset, **order.model_dump(exclude_unset=True, exclude_none=True)}
