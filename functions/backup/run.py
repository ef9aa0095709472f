"""Input of the backup's state machine, and the run's row in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from dataforge.backups.manifest import Reference
from dataforge.defaults import MOST_TABLES
from dataforge.errors import InvalidInput, LeaseLost
from dataforge.postgres.sql import Sql
from dataforge.runs import leases
from dataforge.runs.inputs import Id, Input
from dataforge.runs.lifecycle import RunKind
from dataforge.s3.keys import backup_folder
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.datasets import DEFAULT, get_dataset
from functions.backup.signals import signal

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor

BACKUPS = RunKind(
    table="backups",
    id_column="run_id",
    scope=leases.BACKUP,
    role=None,
    clean_up=lambda cursor, _: signal(cursor),
)


Name = Annotated[str, StringConstraints(max_length=100)]


class BackupInput(Input):
    """Every field is optional.

    ``verify``: verify the backup after writing it. ``verify_only``: create no backup, but verify the one with this id.
    ``unsigned``: verify it although it is not signed.
    """

    dataset: Name = DEFAULT
    tables: list[Name] | None = Field(default=None, min_length=1, max_length=MOST_TABLES)
    verify: bool = False
    verify_only: Id | None = None
    unsigned: bool = False

    @model_validator(mode="after")
    def _one_request(self) -> BackupInput:
        if self.unsigned and not self.verify_only:
            raise ValueError("unsigned is for verify_only: a new backup is always signed")
        if self.verify_only and self.tables:
            raise ValueError("verify_only creates no backup and cannot be combined with tables")
        return self


def read_input(document: Any) -> tuple[BackupInput, Dataset, list[str]]:
    """The validated input, its dataset, and the tables to back up in catalogue order. Raises ``InvalidInput``."""
    request = BackupInput.read(document)
    dataset = get_dataset(request.dataset)
    wanted = {dataset.table(name).name for name in request.tables or dataset.tables}
    return request, dataset, [name for name in dataset.tables if name in wanted]


@dataclass(frozen=True)
class Run:
    """One run, as its steps read it from the ledger: it creates the backup with its own id, or verifies another.

    ``created_at``: the instant of the backup, once its snapshot is exported. ``manifest``: which manifest it wrote, or
    verifies; None before that. ``is_verified``: the run has verified the backup.
    """

    id: str
    execution: str
    dataset: Dataset
    tables: tuple[Table, ...]
    backup_id: str
    status: str
    created_at: datetime | None
    manifest: Reference | None
    is_verified: bool

    @property
    def folder(self) -> str:
        """The backup's folder in the backup bucket."""
        return backup_folder(self.dataset.name, self.backup_id)

    @property
    def is_running(self) -> bool:
        """Whether the backup is still being written."""
        return self.status == "running"

    def must_run(self) -> Run:
        """The run itself. Raises ``LeaseLost`` if it has ended: another run may have its leases."""
        if not self.is_running:
            raise LeaseLost(f"Backup {self.id} is {self.status}: it has ended.")
        return self


def read_run(cursor: Cursor, run_id: str, *, lock: bool = False) -> Run:
    """The run with this id. ``lock``: lock its row until the transaction ends. Raises ``InvalidInput``."""
    cursor.execute(
        Sql(
            "SELECT run_id, execution, dataset, tables, backup_id, status, created_at, manifest_version, manifest_sha256,"
            " verified_at IS NOT NULL FROM dataforge.backups WHERE run_id = %s{}"
        ).format(Sql(" FOR UPDATE") if lock else Sql("")),
        (run_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise InvalidInput(f"Unknown backup {run_id!r}.")
    dataset = get_dataset(row[2])
    reference = Reference(row[7], row[8]) if row[8] else None
    tables = tuple(map(dataset.table, row[3]))
    return Run(row[0], row[1], dataset, tables, row[4], row[5], row[6], reference, row[9])
