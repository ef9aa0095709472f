"""Plan a run of known files: its results are those of the earlier run, with every stored row unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql, ident
from dataforge.s3.objects import Object, read_version
from functions.migrate.plan.register import delete_plan, register_tables
from functions.migrate.run.ledger import Effort, Resolved, read_resolved, store_resolved
from functions.migrate.run.migration import KNOWN, Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


MOST_FILES = 1000
"""Files of which the versions are read, with one call each."""
_CALLS = 8
"""Calls at a time."""

_COPY = Sql(
    "INSERT INTO dataforge.{name} SELECT r.* FROM dataforge.{name} f,"
    " jsonb_populate_record(f, jsonb_build_object('migration_id', %s::text)) r WHERE f.migration_id = %s"
)


def read_versions(s3: S3Client, files: Iterable[Object]) -> dict[str, str | None]:
    """The version of each file, by key; empty if there are too many."""
    objects = list(files)
    by_object = {file.stored_key: file for file in objects}
    if len(by_object) > MOST_FILES:
        return {}
    with ThreadPoolExecutor(_CALLS) as pool:
        versions = dict(
            zip(by_object, pool.map(lambda file: read_version(s3, file), by_object.values()), strict=True)
        )
    return {file.key: versions[file.stored_key] for file in objects}


def plan_known(cursor: Cursor, run: Run, earlier: str) -> None:
    """Register the files, chunks and results of the earlier run as those of this one."""
    delete_plan(cursor, run)
    for name in ("migration_files", "migration_chunks"):
        cursor.execute(_COPY.format(name=ident(name)), (run.id, earlier))
    register_tables(cursor, run)
    cursor.execute("UPDATE dataforge.migrations SET mode = %s WHERE migration_id = %s", (KNOWN, run.id))
    cursor.execute(
        "UPDATE dataforge.migration_chunks SET result = %s, loaded_at = clock_timestamp()"
        " WHERE migration_id = %s AND result IS NOT NULL",
        (Effort(seconds=0, memory_mb=0).model_dump_json(), run.id),
    )
    for table in run.tables:
        resolved = read_resolved(cursor, earlier, table.name)
        if resolved is not None:
            store_resolved(cursor, run.id, table.name, _unchanged(resolved))


def _unchanged(resolved: Resolved) -> Resolved:
    files = resolved.files.model_copy(update={"unchanged": resolved.files.rows})
    changed = {
        "mode": KNOWN,
        "again": 0,
        "unchanged": resolved.rows,
        "updated": 0,
        "files": files,
        "figures": None,
    }
    return resolved.model_copy(update=changed)
