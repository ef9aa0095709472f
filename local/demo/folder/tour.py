"""The tour: migrate a folder, send rows back, deliver, back up, damage and restore."""

from __future__ import annotations

from collections.abc import Mapping

from dataforge.runs.results.backup import BackupOutput
from dataforge.runs.results.migration import MigrationOutput
from dataforge.runs.results.restore import RestoreOutput
from dataforge.tables.catalogue import Table
from local.config import Config
from local.demo import check, show
from local.demo.folder import records
from local.demo.folder.choose import FolderData
from local.demo.folder.count_files import count_records
from local.demo.folder.database import clearable, content, count_rejections, count_rows, damage
from local.demo.steps import Failed, call
from local.outputs import Outputs


def tour(config: Config, outputs: Outputs, data: FolderData) -> MigrationOutput:
    """All steps with their checks. Returns the report of the migration. Raises ``Failed``."""
    show.step(f"Migrate: the files of {data.folder} to PostgreSQL, through the state machine")
    report = _migrate(config, data)
    show.step("Check against the files and the database")
    rows = _reconcile(outputs, data, report)
    show.step("Migrate again: all rows must stay unchanged")
    _require_unchanged(outputs, data, report, _migrate(config, data))
    show.step("Ingest: rows of the tables, sent back through the REST API")
    records.ingest(outputs, data, rows)
    show.step("Deliver: all rows of one table in pages")
    records.deliver(outputs, data, rows)
    _back_up_and_restore(config, outputs, data, rows)
    return report


def _migrate(config: Config, data: FolderData) -> MigrationOutput:
    words = ["--dataset", data.dataset.name, "--threshold", f"{data.threshold:g}"]
    return MigrationOutput.model_validate(call(config, "migrate", str(data.folder), *words))


def _reconcile(outputs: Outputs, data: FolderData, report: MigrationOutput) -> dict[str, int]:
    """Compare files, report and tables. Returns the rows of each table."""
    stored = count_rows(outputs, data.dataset.tables.values())
    rejected = count_rejections(outputs, report.migration_id)
    in_files = _count_files(data)
    show.line(f"{'table':32}{'in the files':>14}{'read':>12}{'in the database':>17}{'rejections':>12}")
    for row in report.tables:
        name, counted = row.table, in_files.get(row.table)
        seen = "not counted" if counted is None else f"{counted:,}"
        show.line(f"{name:32}{seen:>14}{row.read:>12,}{stored[name]:>17,}{rejected.get(name, 0):>12,}")
        check.same(f"{name}: read and the sum of the other counts", row.read, check.sum_of_results(row))
        check.same(f"{name}: rows stored and loaded", stored[name], row.loaded + row.unchanged)
        check.same(f"{name}: rejections stored and counted", rejected.get(name, 0), row.rejected)
        if counted is not None:
            check.same(f"{name}: records in the files and read", counted, row.read)
    counted_tables = sum(count is not None for count in in_files.values())
    show.line(
        "Report, tables and rejections agree, and the files, which Python's own readers count,"
        f" for {counted_tables} of {len(report.tables)} tables."
    )
    return stored


def _count_files(data: FolderData) -> dict[str, int | None]:
    """The records of the files of each table with separate files; None if one of them cannot be counted."""
    found: dict[str, int | None] = {}
    for source, files in data.files:
        if len(source.tables) == 1:
            counts = [count_records(file, source) for file in files]
            known = [count for count in counts if count is not None]
            found[source.tables[0]] = sum(known) if len(known) == len(counts) else None
    return found


def _require_unchanged(
    outputs: Outputs, data: FolderData, first: MigrationOutput, second: MigrationOutput
) -> None:
    stored = count_rows(outputs, data.dataset.tables.values())
    for before, after in zip(first.tables, second.tables, strict=True):
        check.same(f"{after.table}: rows loaded by the second run", after.loaded, 0)
        check.same(f"{after.table}: unchanged rows", after.unchanged, before.loaded)
        check.same(f"{after.table}: rows stored", stored[after.table], before.loaded)
    show.line("No row was loaded again, and the tables are unchanged.")


def _back_up_and_restore(config: Config, outputs: Outputs, data: FolderData, rows: Mapping[str, int]) -> None:
    name = data.dataset.name
    show.step("Back up: all tables of one instant to Parquet, read back and compared")
    backup = BackupOutput.model_validate(call(config, "backup", "--dataset", name, "--verify"))
    if not backup.verified:
        raise Failed("The backup is not verified.")
    for one in backup.tables:
        check.same(f"{one.table}: rows in the backup and in the table", one.rows, rows[one.table])
    table = _damaged(data, rows)
    if table is None:
        show.line("Every table is empty: none can be damaged.")
        return
    show.step(f"Damage {table.name}, and restore it")
    before = content(outputs, data.dataset)
    deleted, changed = damage(outputs, table)
    show.line(f"{table.name}: {deleted:,} rows deleted, {changed:,} changed by SQL.")
    damaged = content(outputs, data.dataset)
    document = call(config, "restore", table.name, "--dataset", name, "--backup", backup.backup_id, "--yes")
    restored, after = RestoreOutput.model_validate(document), content(outputs, data.dataset)
    lost = {"added": deleted, "removed": 0, "changed": changed}
    check.restored(before[table.name], damaged[table.name], after[table.name], lost, restored)
    if after != before:
        raise Failed("Another table was changed by the restore.")


def _damaged(data: FolderData, rows: Mapping[str, int]) -> Table | None:
    """The largest table with rows that can be deleted and changed, or else the largest; None if all are empty."""
    filled = [table for table in data.dataset.tables.values() if rows[table.name]]

    def use(table: Table) -> tuple[bool, bool, int]:
        changes = rows[table.name] > 1 and bool(clearable(table))
        return bool(table.key), changes, rows[table.name]

    return max(filled, key=use, default=None)
