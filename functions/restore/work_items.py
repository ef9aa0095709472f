"""What workers do a piece at a time, files to load and parts to keep, and the ledger that lets each count once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import get_dataset

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


LOAD, KEEP = "load", "keep"

Result = TypeVar("Result", bound=BaseModel)


class Piece(BaseModel):
    """One piece of a table, in one of the two steps."""

    step: str
    restore_id: str
    dataset: str
    table: str
    piece: int

    @property
    def place(self) -> tuple[str, str, str, int]:
        """Its key in the ledger."""
        return self.restore_id, self.step, self.table, self.piece

    @property
    def declared(self) -> Table:
        """The table as the catalogue has it."""
        return get_dataset(self.dataset).table(self.table)


_PLACE = Sql('restore_id = %s AND step = %s AND "table" = %s AND piece = %s')


def claim(cursor: Cursor, piece: Piece) -> bool:
    """Lock the piece's entry until the transaction ends; False if it is done, or the run is over."""
    cursor.execute(
        Sql("SELECT result FROM dataforge.restore_pieces WHERE {} FOR UPDATE").format(_PLACE), piece.place
    )
    row = cursor.fetchone()
    return row is not None and row[0] is None


def done(cursor: Cursor, piece: Piece, result: BaseModel) -> None:
    """Enter the result, which commits together with what was done."""
    cursor.execute(
        Sql("UPDATE dataforge.restore_pieces SET result = %s, error = NULL, cause = NULL WHERE {}").format(
            _PLACE
        ),
        (result.model_dump_json(), *piece.place),
    )


def results(
    cursor: Cursor, restore_id: str, step: str, table: str, model: type[Result]
) -> list[Result | None]:
    """The results of a table's pieces, in order; None for one that is not done."""
    cursor.execute(
        'SELECT result FROM dataforge.restore_pieces WHERE restore_id = %s AND step = %s AND "table" = %s ORDER BY piece',
        (restore_id, step, table),
    )
    return [None if result is None else model.model_validate(result) for (result,) in cursor.fetchall()]
