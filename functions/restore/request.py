"""Input of the restore's state machine."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from dataforge.defaults import MOST_TABLES
from dataforge.runs.ids import LATEST
from dataforge.runs.inputs import Id, Input
from dataforge.tables.datasets import DEFAULT, get_dataset

Name = Annotated[str, StringConstraints(max_length=100)]


class RestoreInput(Input):
    """One of ``table``, ``tables``, ``undo`` and ``finish`` is required.

    ``backup``: an id, or ``latest`` for the newest backup that has the tables; safety backups are ignored.
    ``undo``: the id of a restore whose safety backup is restored, by default all of its tables.
    ``finish``: the id of a restore that ended before its safety backup was written; the run writes it.
    ``unsigned``: do not verify the signature of the backup, which is specified by its id.
    """

    dataset: Name = DEFAULT
    table: Name | None = None
    tables: list[Name] | None = Field(default=None, min_length=1, max_length=MOST_TABLES)
    backup: Name = LATEST
    undo: Id | None = None
    finish: Id | None = None
    dry_run: bool = False
    unsigned: bool = False

    @model_validator(mode="after")
    def _one_request(self) -> RestoreInput:
        if self.table is not None and self.tables is not None:
            raise ValueError("specify either table or tables, not both")
        if not self.wanted and not self.undo and not self.finish:
            raise ValueError(
                'specify the tables: {"table": "orders"} or {"tables": ["orders", "order_items"]}'
            )
        if self.undo and "backup" in self.model_fields_set:
            raise ValueError("undo selects the backup; give undo or backup, not both")
        if self.unsigned and not self.undo and self.backup == LATEST:
            raise ValueError(
                "unsigned requires the id of the backup, or undo: a backup without a valid signature is never latest"
            )
        if self.finish and self.model_fields_set - {"finish", "dataset", "requested_by"}:
            raise ValueError("finish cannot be combined with other fields")
        return self

    @property
    def wanted(self) -> list[str]:
        """The requested tables."""
        return [self.table] if self.table is not None else list(self.tables or ())


def read_input(document: Any) -> RestoreInput:
    """The validated input; its dataset and tables are in the catalogue. Raises ``InvalidInput`` and its subclasses."""
    request = RestoreInput.read(document)
    dataset = get_dataset(request.dataset)
    for name in request.wanted:
        dataset.table(name)
    return request
