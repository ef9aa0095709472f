"""Take over from an earlier run what it found in files that have not changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql
from dataforge.s3.objects import Object, read_version
from functions.migrate.run.known.record import Earlier
from functions.migrate.run.ledger import CONTENT, KNOWN_EFFORT
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


MOST_FILES = 1000
"""Files of which the versions are read, with one call each."""
_CALLS = 8
"""Calls at a time."""

_COPY_FILE = """
    INSERT INTO dataforge.migration_files SELECT r.* FROM dataforge.migration_files f, jsonb_populate_record(
        f, jsonb_build_object('migration_id', %s::text, 'file_number', %s::integer, 'etag', %s::text)) r
    WHERE f.migration_id = %s AND f.key = %s
"""

_COPY_CHUNKS = Sql("""
    INSERT INTO dataforge.migration_chunks (migration_id, chunk, file_number, range_start, first_line, scan)
    SELECT %s, %s + row_number() OVER (ORDER BY chunk) - 1, %s, range_start, first_line,
           coalesce(scan, %s::jsonb) || jsonb_build_object('sha256', {}, 'known', true)
    FROM dataforge.migration_chunks c JOIN dataforge.migration_files f USING (migration_id, file_number)
    WHERE migration_id = %s AND f.key = %s
""").format(CONTENT)


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


def unchanged_keys(cursor: Cursor, earlier: Earlier, versions: Mapping[str, str | None]) -> set[str]:
    """The keys of the files that have the version that the earlier run read."""
    cursor.execute(
        "SELECT key, version FROM dataforge.migration_files WHERE migration_id = %s AND version IS NOT NULL",
        (earlier.id,),
    )
    return {key for key, version in cursor.fetchall() if versions.get(key) == version}


def copy_file(cursor: Cursor, run: Run, number: int, file: Object, first: int, earlier: Earlier) -> None:
    """Register a file that has the version that the earlier run read, with its ranges and what their scan found.

    ``first``: the number of its first range.
    """
    cursor.execute(_COPY_FILE, (run.id, number, file.etag, earlier.id, file.key))
    if not cursor.rowcount:
        raise RuntimeError(f"The ledger of migration {earlier.id} was deleted while this run was planned.")
    effort = KNOWN_EFFORT.as_json()
    cursor.execute(_COPY_CHUNKS, (run.id, first, number, effort, earlier.id, file.key))
