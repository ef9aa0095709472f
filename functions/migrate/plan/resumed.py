"""The work of an earlier execution that a resumed run keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.errors import SourceChanged
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.s3.objects import Object
from functions.migrate.run.ledger import LOADED
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def has_loaded(cursor: Cursor, run: Run) -> bool:
    """Whether chunks of the run are loaded: it is resumed."""
    loaded = Sql("SELECT {} FROM dataforge.migrations m WHERE migration_id = %s").format(LOADED)
    cursor.execute(loaded, (run.id,))
    return bool(one_row(cursor)[0])


def require_unchanged(cursor: Cursor, run: Run, files: Iterable[Object]) -> None:
    """Raise ``SourceChanged`` with the files that differ from those that the run was planned for."""
    cursor.execute("SELECT key, etag, size FROM dataforge.migration_files WHERE migration_id = %s", (run.id,))
    changed = {tuple(row) for row in cursor.fetchall()} ^ {(f.key, f.etag, f.size) for f in files}
    if changed:
        raise SourceChanged(", ".join(sorted({key for key, *_ in changed})[:5]))
