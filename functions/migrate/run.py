"""What a migration is asked to do, and its row in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dataforge import ddl
from dataforge.catalogue import Dataset, Table
from dataforge.columns import NO_NUL
from dataforge.datasets import DEFAULT, get_dataset
from dataforge.errors import InvalidInput

Name = Annotated[str, StringConstraints(max_length=100)]


class MigrationInput(BaseModel):
    """The input of the state machine; every field is optional.

    ``prefix`` is a folder of the raw bucket, with or without its last slash; by default the dataset's name.
    ``on_conflict``: what becomes of a row whose key is stored with other values.
    ``resume`` is the id of a run that failed or was stopped, to go on with: its dataset, prefix and tables count then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: Name = DEFAULT
    prefix: str = Field(default="", max_length=900, pattern=NO_NUL)
    quality_threshold: Decimal = Field(default=Decimal("0.95"), ge=0, le=1, decimal_places=9)
    tables: list[Name] | None = Field(default=None, min_length=1, max_length=1000)
    on_conflict: Literal["reject", "update"] = "reject"
    resume: str = Field(default="", max_length=100, pattern=NO_NUL)


def read_input(document: Any) -> tuple[MigrationInput, Dataset, list[str]]:
    """The input with its dataset and the tables to migrate, in catalogue order. Raises ``InvalidInput``."""
    try:
        request = MigrationInput.model_validate(document)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'input'}: {e['msg']}" for e in error.errors())
        raise InvalidInput(
            f"The input is wrong: {wrong}. Known fields: {', '.join(MigrationInput.model_fields)}."
        ) from error
    dataset = get_dataset(request.dataset)
    wanted = {dataset.table(name).name for name in request.tables or dataset.tables}
    prefix = (request.prefix or dataset.name).rstrip("/") + "/"
    return request.model_copy(update={"prefix": prefix}), dataset, [n for n in dataset.tables if n in wanted]


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

    @property
    def folder(self) -> str:
        """Where the run's objects lie in the report bucket."""
        return f"runs/{self.id}/"

    @property
    def progress(self) -> str:
        """Where the run's progress can be followed by whoever knows only the execution's name."""
        return f"progress/{self.execution.rpartition(':')[2]}/"


def read_run(cursor: Any, run_id: str) -> Run:
    """The run of this id. Raises ``InvalidInput`` if the ledger has none."""
    cursor.execute(
        "SELECT execution, dataset, prefix, tables, quality_threshold, mode, status, on_conflict"
        " FROM dataforge.migrations WHERE migration_id = %s",
        (run_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise InvalidInput(f"No migration {run_id!r} in the ledger.")
    execution, name, prefix, tables, threshold, mode, status, on_conflict = row
    dataset = get_dataset(name)
    chosen = tuple(map(dataset.table, tables))
    return Run(run_id, execution, dataset, prefix, chosen, threshold, mode or "", status, on_conflict)


def shadow_count_and_hash(cursor: Any, table: Table, relation: str) -> tuple[int, int]:
    """Rows of a relation with the table's columns, and the sum of their hashes, both computed by PostgreSQL."""
    cursor.execute(f"SELECT count(*), coalesce(sum({ddl.row_hash_sql(table)}), 0) FROM {relation}")
    count, total = cursor.fetchone()
    return count, int(total) % 2**64
