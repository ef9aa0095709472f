"""The report's source files, with their chunks and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.migrate.run.ledger import Resolved
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def files_of(cursor: Cursor, run: Run) -> list[dict[str, Any]]:
    """The run's files for its report, in file order, each with its chunks and its counts per table."""
    cursor.execute(
        "SELECT f.file_number, f.bucket, f.key, f.etag, f.size, (SELECT count(*) FROM dataforge.migration_chunks c"
        " WHERE c.migration_id = f.migration_id AND c.file_number = f.file_number AND first_byte IS NOT NULL)"
        " FROM dataforge.migration_files f WHERE f.migration_id = %s ORDER BY f.file_number",
        (run.id,),
    )
    names = ("file_number", "bucket", "key", "etag", "size", "chunks")
    files = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    cursor.execute(
        'SELECT "table", settled FROM dataforge.migration_tables WHERE migration_id = %s AND settled IS NOT NULL',
        (run.id,),
    )
    by_table = {
        table: Resolved.model_validate(resolved).figures or {} for table, resolved in cursor.fetchall()
    }
    for file in files:
        number = file.pop("file_number")
        known = {t.name: by_table.get(t.name, {}).get(number) for t in run.tables}
        file["tables"] = [{"table": name, **counts.model_dump()} for name, counts in known.items() if counts]
    return files
