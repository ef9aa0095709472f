"""Work items of a restore: files to load and page ranges to save, each recorded once in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import get_dataset

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_KEY = Sql('restore_id = %s AND step = %s AND "table" = %s AND piece = %s')

Result = TypeVar("Result", bound=BaseModel)


class WorkItem(BaseModel):
    """One work item of the step ``RestoreStep.LOAD`` or ``SAFETY_BACKUP``; ``piece`` counts those of a table."""

    step: str
    restore_id: str
    dataset: str
    table: str
    piece: int

    @property
    def ledger_key(self) -> tuple[str, str, str, int]:
        """The primary key in the ledger."""
        return self.restore_id, self.step, self.table, self.piece

    @property
    def declared(self) -> Table:
        """The table as the catalogue declares it."""
        return get_dataset(self.dataset).table(self.table)


class LoadedFile(BaseModel):
    """The ledger's ``result`` of a loaded file."""

    rows: int


class SavedPages(BaseModel):
    """The ledger's ``result`` of a page range: its file's entry in the manifest, and the sum of its rows' hashes."""

    key: str
    rows: int
    size: int
    sha256: str
    hash_total: int


def claim(cursor: Cursor, item: WorkItem) -> bool:
    """Lock the item's row until the transaction ends. False if the item is done or the run has ended."""
    cursor.execute(
        Sql("SELECT result FROM dataforge.restore_pieces WHERE {} FOR UPDATE").format(_KEY), item.ledger_key
    )
    row = cursor.fetchone()
    return row is not None and row[0] is None


def record(cursor: Cursor, item: WorkItem, result: LoadedFile | SavedPages) -> None:
    """Record the item's result, in the transaction of its work."""
    cursor.execute(
        Sql("UPDATE dataforge.restore_pieces SET result = %s, error = NULL, cause = NULL WHERE {}").format(
            _KEY
        ),
        (result.model_dump_json(), *item.ledger_key),
    )


def results(
    cursor: Cursor, restore_id: str, step: str, table: str, model: type[Result]
) -> list[Result | None]:
    """The results of a table's work items, in order; None for an item that is not done."""
    cursor.execute(
        'SELECT result FROM dataforge.restore_pieces WHERE restore_id = %s AND step = %s AND "table" = %s ORDER BY piece',
        (restore_id, step, table),
    )
    return [None if result is None else model.model_validate(result) for (result,) in cursor.fetchall()]
