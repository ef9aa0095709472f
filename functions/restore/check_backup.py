"""Second step of a restore: check the backup without reading its files, and create the shadows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest, Reference, TableEntry
from dataforge.errors import DamagedBackup, SchemaDiffers, TableChanged
from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import REFILL, RESTORE_RUN
from dataforge.postgres.sql import Sql, ident
from dataforge.runs import leases
from dataforge.runs.step_names import RestoreStep
from dataforge.s3.keys import table_folder, work_list_key
from dataforge.s3.objects import list_objects, put_json
from dataforge.settings import RestoreSettings
from dataforge.tables.catalogue import Table
from functions.restore.run import Run, read_run
from functions.restore.stored import Fit, create_stored, dump_columns, entry_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


_SHOWN = 20
"""How many faults an error names."""


def check_backup(
    db: Connection, s3: S3Client, settings: RestoreSettings, run_id: str, signed: Reference | None
) -> dict[str, Any]:
    """Check the backup's objects and columns, create the shadows, and list the files to load.

    ``signed``: the manifest whose signature the state machine verified; None in an execution that was started by a version
    whose state machine does not verify it.

    Returns the ``key`` of the list in the report bucket, its ``count``, and the ``tables``. Both lists start with the
    largest, so that workers end at about the same time. Idempotent.
    Raises ``DamagedBackup``, ``SchemaDiffers``, ``TableChanged``.
    """
    with transaction(db, role=RESTORE_RUN) as cursor:
        run = read_run(cursor, run_id)
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        backup = manifest.read(s3, settings.backup_bucket, run.dataset.name, run.backup_id, signed)
        if signed is None:
            cursor.execute("UPDATE dataforge.restores SET signed = false WHERE restore_id = %s", (run_id,))
        _check_objects(s3, settings.backup_bucket, run, backup)
        fits = {table.name: _check_columns(table, backup) for table in run.tables}
        for table in run.tables:
            _check_live(cursor, table)
        shadow.drop(cursor, run.id)
        shadow.create(cursor, run.id, run.tables, loader=REFILL, extra=Sql(""))
        for fit in fits.values():
            if not fit.is_direct:
                create_stored(cursor, run, fit)
        _record_plan(cursor, run, backup, fits)
    tables = sorted(run.tables, key=lambda table: -entry_of(backup, table).rows)
    items = [item for table in tables for item in _items(settings, run, backup, fits[table.name])]
    items.sort(key=lambda item: -int(item["file"]["size"]))
    key = work_list_key(run.id, RestoreStep.LOAD)
    put_json(s3, settings.report_bucket, key, items)
    return {"key": key, "count": len(items), "tables": [table.name for table in tables]}


def _check_objects(s3: S3Client, bucket: str, run: Run, backup: Manifest) -> None:
    """Compare the objects with the manifest by name and size. Their bytes are checked when they are loaded."""
    faults: list[str] = []
    for table in run.tables:
        entry = entry_of(backup, table)
        folder = backup.folder + table_folder(entry.table)
        there = {o.key.removeprefix(backup.folder): o.size for o in list_objects(s3, bucket, folder)}
        faults += _differences(entry, there)
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        raise DamagedBackup(backup.backup_id, faults[:_SHOWN] + more)


def _differences(entry: TableEntry, there: dict[str, int]) -> Iterator[str]:
    expected = {file.key: file.size for file in entry.files}
    for key, size in expected.items():
        if key not in there:
            yield f"{key} is missing"
        elif there[key] != size:
            yield f"{key} has {there[key]} bytes, not {size}"
    yield from (f"{key} is not in the manifest" for key in there if key not in expected)


def _check_columns(table: Table, backup: Manifest) -> Fit:
    """How the backup's columns become the table's. Values that do not fit are found when the rows are loaded."""
    entry = entry_of(backup, table)
    if entry.fault:
        raise DamagedBackup(backup.backup_id, [entry.fault])
    fit = Fit.of(table, entry.columns)
    if fit.missing:
        raise SchemaDiffers(f"{table.dataset}.{table.name}", fit.missing)
    return fit


def _check_live(cursor: Cursor, table: Table) -> None:
    """Refuse undeclared columns: no backup has them, and their values would be lost."""
    cursor.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (ddl.qualified(table),),
    )
    there = dict(cursor.fetchall())
    wanted = {column.name: column.type.catalog for column in table.columns}
    if there != wanted:
        differences = [
            f"{n} is {there.get(n, 'missing')}, not {t}" for n, t in wanted.items() if there.get(n) != t
        ]
        differences += [f"{name} is not declared" for name in there if name not in wanted]
        raise TableChanged(f"{table.dataset}.{table.name}", differences)


def _record_plan(cursor: Cursor, run: Run, backup: Manifest, fits: Mapping[str, Fit]) -> None:
    """Record tables and files in the ledger, in place of an earlier plan."""
    for relation in ("restore_pieces", "restore_tables"):
        cursor.execute(
            Sql("DELETE FROM dataforge.{} WHERE restore_id = %s").format(ident(relation)), (run.id,)
        )
    for table in run.tables:
        entry = entry_of(backup, table)
        cursor.execute(
            'INSERT INTO dataforge.restore_tables (restore_id, "table", columns, rows, content_hash, adapted,'
            " stored) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                run.id,
                table.name,
                [c.name for c in entry.columns],
                entry.rows,
                entry.content_hash,
                list(fits[table.name].notes()),
                None if fits[table.name].is_direct else dump_columns(entry.columns),
            ),
        )
        execute_values(
            cursor,
            'INSERT INTO dataforge.restore_pieces (restore_id, step, "table", piece) VALUES %s',
            [(run.id, RestoreStep.LOAD, table.name, number) for number in range(len(entry.files))],
        )


def _items(settings: RestoreSettings, run: Run, backup: Manifest, fit: Fit) -> Iterator[dict[str, Any]]:
    entry = entry_of(backup, fit.table)
    for number, file in enumerate(entry.files):
        yield {
            "step": RestoreStep.LOAD,
            "restore_id": run.id,
            "dataset": run.dataset.name,
            "table": fit.table.name,
            "piece": number,
            "backup_id": backup.backup_id,
            "bucket": settings.backup_bucket,
            "columns": [column.name for column in entry.columns],
            "file": file.model_dump(),
            "stored": [] if fit.is_direct else [column.model_dump() for column in entry.columns],
        }
