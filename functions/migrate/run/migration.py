"""One migration run, read from its row in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from dataforge.errors import NoSuchRun
from dataforge.postgres import ddl, shadow
from dataforge.postgres.sql import Sql, ident
from dataforge.s3.keys import progress_folder
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.columns import NO_NUL
from dataforge.tables.datasets import get_dataset
from dataforge.tables.names import internal_name

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Name = Annotated[str, StringConstraints(max_length=100)]


class Replay(BaseModel):
    """The rejections to replay: those of one migration or one batch, optionally of one ``table`` or error ``code``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    migration_id: str = Field(default="", max_length=100, pattern=NO_NUL)
    batch_id: str = Field(default="", max_length=100, pattern=NO_NUL)
    table: Name = ""
    code: str = Field(default="", max_length=100, pattern=NO_NUL)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.migration_id) == bool(self.batch_id):
            raise ValueError("specify either migration_id or batch_id")
        return self

    def __str__(self) -> str:
        return f"migration {self.migration_id}" if self.migration_id else f"batch {self.batch_id}"


SWAP, MERGE, REBUILD, KNOWN = "swap", "merge", "rebuild", "known"
"""How the rows of a run become visible: its shadows replace empty tables; its rows are inserted; its shadows, to which the
stored rows are added, replace filled tables; or they are known to be stored."""

PREPARED = "prepared"
"""The mode of a shadow that is complete except for its foreign keys, because its parents are not resolved."""


@dataclass(frozen=True)
class Run:
    """One migration, as its steps read it from the ledger. ``mode``: see ``SWAP``."""

    id: str
    execution: str
    dataset: Dataset
    prefix: str
    tables: tuple[Table, ...]
    threshold: Decimal
    mode: str
    status: str
    on_conflict: str
    replay: Replay | None
    ignore: tuple[str, ...]

    @property
    def progress(self) -> str:
        """The folder of the run's progress. A client derives it from the execution's name."""
        return progress_folder(self.execution)

    @property
    def schema(self) -> str:
        """The name of the schema that holds the run's shadow tables."""
        return shadow.schema_of(self.id)

    def circle(self, name: str) -> list[Table]:
        """The tables of the run that are resolved together with a table, and the table."""
        return [table for table in self.tables if table.name in self.dataset.circle(name)]

    def shadow(self, table: Table) -> Sql:
        """The SQL name of the table's shadow."""
        return ddl.qualified(table, self.schema)

    def internal_table(self, purpose: str, table: Table) -> Sql:
        """The SQL name of a table of intermediate results in the run's schema."""
        return Sql("{}.{}").format(ident(self.schema), ident(internal_name(purpose, table.name)))


def read_run(cursor: Cursor, run_id: str) -> Run:
    """Read the run from the ledger. Raises ``NoSuchRun``."""
    cursor.execute(
        "SELECT execution, dataset, prefix, tables, quality_threshold,"
        " CASE WHEN rebuilds THEN %s ELSE mode END, status, on_conflict, replay, ignore"
        " FROM dataforge.migrations WHERE migration_id = %s",
        (REBUILD, run_id),
    )
    row = cursor.fetchone()
    if row is None:
        raise NoSuchRun(f"migration {run_id!r}")
    execution, name, prefix, tables, threshold, mode, status, on_conflict, replay, ignore = row
    dataset = get_dataset(name)
    return Run(
        id=run_id,
        execution=execution,
        dataset=dataset,
        prefix=prefix,
        tables=tuple(map(dataset.table, tables)),
        threshold=threshold,
        mode=mode or "",
        status=status,
        on_conflict=on_conflict,
        replay=Replay.model_validate(replay) if replay else None,
        ignore=tuple(ignore or ()),
    )


def merged(cursor: Cursor, run: Run) -> Run:
    """Let the run insert its rows instead of rebuilding tables. Tables that are rebuilt must be resolved again."""
    cursor.execute("UPDATE dataforge.migrations SET rebuilds = false WHERE migration_id = %s", (run.id,))
    return replace(run, mode=MERGE)
