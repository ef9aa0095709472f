"""A restore's row in the ledger, and the names of the schemas and tables that it creates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dataforge.backups.manifest import Reference
from dataforge.errors import NoSuchRun
from dataforge.postgres import ddl, shadow
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.postgres.sql import Sql
from dataforge.runs import leases
from dataforge.runs.lifecycle import RunKind
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.datasets import get_dataset

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


SWAP, MERGE = "swap", "merge"
UNFINISHED = "switched"
"""The status of a restore whose tables are restored, but whose safety backup is not written."""


@dataclass(frozen=True)
class Run:
    """One restore, as its steps read it from the ledger.

    ``status``: running, switched (see ``UNFINISHED``), restored, compared (after a dry run), or the status of a failed run.
    ``manifest``: that of its safety backup, once it is written.
    """

    id: str
    execution: str
    dataset: Dataset
    tables: tuple[Table, ...]
    backup_id: str
    dry_run: bool
    mode: str
    status: str
    manifest: Reference | None

    @property
    def schema(self) -> str:
        """The schema of its shadows."""
        return shadow.schema_of(self.id)

    @property
    def replaced_schema(self) -> str:
        """The schema of the replaced tables, until they are in S3."""
        return shadow.schema_of(self.id + shadow.REPLACED)

    def shadow(self, table: Table) -> Sql:
        """The table's shadow, qualified for SQL."""
        return ddl.qualified(table, self.schema)

    def replaced(self, table: Table) -> Sql:
        """The replaced table, qualified for SQL."""
        return ddl.qualified(table, self.replaced_schema)

    def has(self, name: str) -> bool:
        """Whether the run restores a table of this name."""
        return any(table.name == name for table in self.tables)


_RUN = (
    "SELECT execution, dataset, tables, backup_id, dry_run, mode, status, manifest_version, manifest_sha256"
    " FROM dataforge.restores WHERE restore_id = %s"
)


def read_run(cursor: Cursor, run_id: str) -> Run:
    """The run of this id. Raises ``NoSuchRun`` if the ledger has none."""
    cursor.execute(_RUN, (run_id,))
    row = cursor.fetchone()
    if row is None:
        raise NoSuchRun(
            f"restore {run_id!r}", "The cause of a failed restore contains its id if it can be finished."
        )
    execution, name, tables, backup_id, dry_run, mode, status, version, sha256 = row
    dataset = get_dataset(name)
    return Run(
        id=run_id,
        execution=execution,
        dataset=dataset,
        tables=tuple(map(dataset.table, tables)),
        backup_id=backup_id,
        dry_run=dry_run,
        mode=mode or "",
        status=status,
        manifest=Reference(version, sha256) if version else None,
    )


def narrowed(table: Table, columns: list[str] | tuple[str, ...]) -> Table:
    """The table with only the given columns, those of a backup. Key columns are never added later."""
    return replace(table, columns=tuple(c for c in table.columns if c.name in columns))


def _drop_schemas(cursor: Cursor, run_id: str) -> None:
    """Drop the shadows of a closed restore, and the replaced tables unless their safety backup is still to be written."""
    run = read_run(cursor, run_id)
    shadow.drop(cursor, run.id)
    if run.status != UNFINISHED:
        shadow.drop(cursor, run.id + shadow.REPLACED)


RESTORES = RunKind(
    table="restores",
    id_column="restore_id",
    scope=leases.WRITE,
    role=RESTORE_RUN,
    clean_up=_drop_schemas,
    unfinished=UNFINISHED,
    items="restore_pieces",
    item_key=("step", "table", "piece"),
)
