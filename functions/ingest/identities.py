"""Generate the identity values that records of a batch omit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import psycopg2.errors

from dataforge.api.batch import Batch
from dataforge.errors import InvalidRequest
from dataforge.postgres import identity
from dataforge.postgres.connection import transaction
from dataforge.postgres.visible_rows import require_declared
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import get_dataset
from functions.ingest.candidates import Candidates

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


def fill_identities(db: Connection, batch: Batch) -> Batch:
    """The batch with a generated value in each record that omits its table's identity column.

    A rejected record retains its value, so that its replay is the same row.
    """
    tables = get_dataset(batch.dataset).tables
    omitted: dict[str, list[int]] = {}
    for index, record in enumerate(batch.records):
        table = tables.get(record["table"])
        if table and table.identity_column and table.identity_column not in record["data"]:
            omitted.setdefault(table.name, []).append(index)
    if not omitted:
        return batch
    records = list(batch.records)
    for name, indices in omitted.items():
        column = tables[name].identity_column or ""
        for index, value in zip(indices, _generate(db, tables[name], len(indices)), strict=True):
            records[index] = {"table": name, "data": {column: value, **records[index]["data"]}}
    return batch.model_copy(update={"records": records})


def _generate(db: Connection, table: Table, count: int) -> list[int]:
    try:
        with transaction(db) as cursor:
            return identity.generate(cursor, table, count)
    except psycopg2.errors.SequenceGeneratorLimitExceeded:
        column = table.identity_column
        raise InvalidRequest(
            f"The identity column {column} of {table.name} has no further values.", hint=f"Send {column}."
        ) from None
    except psycopg2.ProgrammingError:
        with transaction(db) as cursor:
            require_declared(cursor, [table])
        raise


def advance_identities(cursor: Cursor, candidates: Iterable[Candidates]) -> None:
    """Advance sequences to the highest values of the candidates, before the transaction makes them visible."""
    for found in candidates:
        column = found.table.identity_column
        if column is not None and found.indices:
            values = found.columns[found.table.column_names.index(column)]
            identity.advance_to(cursor, found.table, max(int(value or 0) for value in values))
