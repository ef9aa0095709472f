"""What a migration is asked to do, and its row in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from dataforge.defaults import MOST_TABLES, QUALITY_THRESHOLD
from dataforge.errors import NoSuchRun
from dataforge.postgres import ddl
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.runs.inputs import Input
from dataforge.s3.keys import progress_folder, raw_prefix
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.columns import NO_NUL
from dataforge.tables.datasets import DEFAULT, get_dataset

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Name = Annotated[str, StringConstraints(max_length=100)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=NO_NUL)]


class Replay(BaseModel):
    """Which rejections are replayed: those of one migration or of one batch; of ``table``, and with the error ``code``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    migration_id: str = Field(default="", max_length=100, pattern=NO_NUL)
    batch_id: str = Field(default="", max_length=100, pattern=NO_NUL)
    table: Name = ""
    code: str = Field(default="", max_length=100, pattern=NO_NUL)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.migration_id) == bool(self.batch_id):
            raise ValueError("name a migration_id or a batch_id")
        return self

    def __str__(self) -> str:
        return f"migration {self.migration_id}" if self.migration_id else f"batch {self.batch_id}"


class MigrationInput(Input):
    """The input of the state machine; every field is optional.

    ``prefix`` is a folder of the raw bucket, with or without its last slash; by default the dataset's name.
    ``ignore``: patterns of files below it that the run leaves (``dataforge.files.listing``).
    ``on_conflict``: what becomes of a row whose key is stored with other values.
    ``resume`` is the id of a run that failed or was stopped, to go on with: its dataset, prefix, tables and ``ignore`` count
    then. ``replay``: the records are rejections, as they were stored or, with a ``prefix``, as the JSON Lines below it have
    them. Their dataset and tables count then, and the threshold is 0 unless one is given.
    """

    dataset: Name = DEFAULT
    prefix: str = Field(default="", max_length=900, pattern=NO_NUL)
    quality_threshold: Decimal = Field(default=QUALITY_THRESHOLD, ge=0, le=1, decimal_places=9)
    tables: list[Name] | None = Field(default=None, min_length=1, max_length=MOST_TABLES)
    on_conflict: Literal["reject", "update"] = "reject"
    ignore: list[Pattern] = Field(default=[], max_length=100)
    resume: str = Field(default="", max_length=100, pattern=NO_NUL)
    replay: Replay | None = None


def read_input(document: Any) -> MigrationInput:
    """The input, understood by itself. Raises ``InvalidInput``."""
    return MigrationInput.read(document)


@dataclass(frozen=True)
class Order:
    """What a new run is to do: the tables are in catalogue order, ``prefix`` ends with a slash."""

    dataset: Dataset
    tables: list[str]
    prefix: str
    threshold: Decimal


def read_order(request: MigrationInput) -> Order:
    """The order that the input means by itself. Raises ``InvalidInput``'s kin."""
    dataset = get_dataset(request.dataset)
    wanted = {dataset.table(name).name for name in request.tables or dataset.tables}
    prefix = raw_prefix(request.prefix or dataset.name)
    return Order(dataset, [n for n in dataset.tables if n in wanted], prefix, request.quality_threshold)


@dataclass(frozen=True)
class Run:
    """One migration, as its steps read it from the ledger."""

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
        """Where the run's progress can be followed by whoever knows only the execution's name."""
        return progress_folder(self.execution)


def read_run(cursor: Cursor, run_id: str) -> Run:
    """The run of this id. Raises ``NoSuchRun``."""
    cursor.execute(
        "SELECT execution, dataset, prefix, tables, quality_threshold, mode, status, on_conflict, replay, ignore"
        " FROM dataforge.migrations WHERE migration_id = %s",
        (run_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise NoSuchRun(f"migration {run_id!r}")
    execution, name, prefix, tables, threshold, mode, status, on_conflict, replay, ignore = row
    dataset = get_dataset(name)
    return Run(
        *(
            run_id,
            execution,
            dataset,
            prefix,
            tuple(map(dataset.table, tables)),
            threshold,
            mode or "",
            status,
        ),
        on_conflict,
        Replay.model_validate(replay) if replay else None,
        tuple(ignore or ()),
    )


def shadow_count_and_hash(cursor: Cursor, table: Table, relation: Sql) -> tuple[int, int]:
    """Rows of a relation with the table's columns, and the sum of their hashes, both computed by PostgreSQL."""
    cursor.execute(
        Sql("SELECT count(*), coalesce(sum({}), 0) FROM {}").format(ddl.row_hash_sql(table), relation)
    )
    count, total = one_row(cursor)
    return count, int(total) % 2**64
