"""The JSON columns of the migration's ledger, with one model for each."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, Field, TypeAdapter

from dataforge.formats.csv_passage import Passage
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.postgres.unwritten import State
from dataforge.runs.results.migration import Counts
from dataforge.runs.results.report import Orphans
from functions.migrate.run.rejections.uncounted import Uncounted

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from functions.migrate.run.reading.validated_records import ValidatedRecords


TALLIES = Sql("coalesce(c.tallies, c.result - '{seconds,memory_mb}'::text[])")
"""The SQL of the tallies by table of a chunk ``migration_chunks c``; NULL until it is loaded.

Commit a6f090d stored them in ``result``, beside the effort. A run of that version may still be resumed.
"""

CONTENT = Sql("coalesce(c.scan->>'sha256', c.result->>'sha256')")
"""The SQL of the SHA-256 of the bytes in the range of a chunk ``migration_chunks c``; NULL if it is not known.

Of a compressed file, it is that of the text.
"""

LOADED = Sql(
    "EXISTS (SELECT FROM dataforge.migration_chunks c WHERE c.migration_id = m.migration_id AND result IS NOT NULL)"
)
"""The SQL condition that a chunk of ``migrations m`` is loaded."""


class Effort(BaseModel):
    """The resources of a worker's call: the column ``result`` of a loaded chunk. ``memory_mb`` is the process's peak.

    ``sha256``: see ``CONTENT``. ``code``: the digest of the worker's code. ``known``: no worker was called, because an
    earlier run has the result.
    """

    seconds: float
    memory_mb: int
    sha256: str | None = None
    code: str | None = None
    known: bool = False

    @classmethod
    def since(cls, started: float, sha256: str | None = None, code: str | None = None) -> Self:
        """The effort of a call that began at ``started`` of ``time.perf_counter``."""
        return cls(sha256=sha256, code=code, **spent_since(started))

    def as_json(self) -> str:
        """The stored document."""
        return self.model_dump_json(exclude_defaults=True)


KNOWN_EFFORT = Effort(seconds=0, memory_mb=0, known=True)


def spent_since(started: float) -> dict[str, Any]:
    """The fields of an ``Effort``."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"seconds": round(time.perf_counter() - started, 3), "memory_mb": peak}


class Scan(Effort):
    """The column ``scan``: the passage through a range by the reader's state at its start, and the range's line feeds.

    A range that begins with a record has no passages; only its bytes are hashed.
    """

    passages: dict[str, Passage] = Field(default_factory=dict)
    lines: int = 0


class Tally(BaseModel):
    """The counts of a chunk's records for one table. ``cleanings`` are counted by "column.cleaning".

    ``uncounted``: the rejections whose reasons the ledger's rows do not have.
    """

    read: int = 0
    rows: int = 0
    deduplicated: int = 0
    rejected: int = 0
    hash_total: int = 0
    cleanings: dict[str, int] = Field(default_factory=dict)
    uncounted: Uncounted | None = None

    def add(self, records: ValidatedRecords) -> None:
        """Count the records."""
        batch = records.batch
        self.read += batch.read
        self.rows += batch.rows
        self.deduplicated += batch.deduplicated
        self.rejected += len(records.rejected)
        self.hash_total = (self.hash_total + batch.hash_total) % 2**64
        for (column, cleaning), count in batch.cleanings.items():
            name = f"{column}.{cleaning}"
            self.cleanings[name] = self.cleanings.get(name, 0) + count


_TALLIES = TypeAdapter(dict[str, Tally])


def tallies_json(tallies: Mapping[str, Tally]) -> str:
    """The column ``tallies``: the tallies by table."""
    return _TALLIES.dump_json(dict(tallies), exclude_none=True).decode()


_IGNORED_FILES = TypeAdapter(dict[str, str])
_FOLDER_VALUES = TypeAdapter(dict[str, str | None])


def ignored_files_json(ignored: Mapping[str, str]) -> str:
    """The column ``ignored_files``: the reasons, by the file's key. A NUL, which jsonb cannot hold, becomes U+FFFD."""
    return _IGNORED_FILES.dump_json(
        {key.replace("\0", "\ufffd"): reason.replace("\0", "\ufffd") for key, reason in ignored.items()}
    ).decode()


def read_ignored_files(document: object) -> dict[str, str]:
    """The column ``ignored_files``; empty if it is NULL."""
    return _IGNORED_FILES.validate_python(document or {})


def folder_values_json(values: Mapping[str, str | None]) -> str | None:
    """The column ``folder_values``; NULL for a file outside ``key=value`` folders. ``LoadItem`` reads it."""
    return _FOLDER_VALUES.dump_json(dict(values)).decode() if values else None


class RowsByFile(BaseModel):
    """Counts by file number: ``rows`` of the shadow, of which ``unchanged`` are stored already, and rows deleted from it."""

    rows: dict[int, int] = Field(default_factory=dict)
    unchanged: dict[int, int] = Field(default_factory=dict)
    deduplicated: dict[int, int] = Field(default_factory=dict)
    rejected: dict[int, int] = Field(default_factory=dict)


class Resolved(BaseModel):
    """The column ``settled`` of a table of a run: the result of the resolve step.

    ``mode``: the run's mode when the table was resolved, or ``KNOWN``; ``PREPARED`` if its foreign keys are missing; empty
    if the table must be resolved again.
    ``again``: how often that happened. Reconciliation adds ``figures`` (by file number), ``differences`` and ``orphans``.
    ``uncounted``: the rejections whose reasons the ledger's rows do not have. ``state``: of the table with which the rows
    were compared, if most of it was read.
    """

    mode: str
    again: int = 0
    rows: int
    unchanged: int
    deduplicated: int
    rejected: int
    updated: int = 0
    files: RowsByFile
    hash_total: int
    removed_hash_total: int
    figures: dict[int, Counts] | None = None
    differences: list[str] | None = None
    orphans: tuple[Orphans, ...] | None = None
    uncounted: Uncounted | None = None
    state: State | None = None

    @property
    def new(self) -> int:
        """The rows whose key the table lacks."""
        return self.rows - self.unchanged - self.updated

    def as_json(self) -> str:
        """The stored document, without fields that reconciliation has not added."""
        return self.model_dump_json(exclude_none=True)


def read_resolved(cursor: Cursor, run_id: str, table: str, *, lock: bool = False) -> Resolved | None:
    """The table's ``settled``; None if it was never resolved. ``lock`` locks the row until the transaction ends."""
    cursor.execute(
        Sql(
            'SELECT settled FROM dataforge.migration_tables WHERE migration_id = %s AND "table" = %s{}'
        ).format(Sql(" FOR UPDATE") if lock else Sql("")),
        (run_id, table),
    )
    (resolved,) = one_row(cursor)
    return None if resolved is None else Resolved.model_validate(resolved)


def store_resolved(cursor: Cursor, run_id: str, table: str, resolved: Resolved) -> None:
    """Replace the table's ``settled``."""
    cursor.execute(
        'UPDATE dataforge.migration_tables SET settled = %s WHERE migration_id = %s AND "table" = %s',
        (resolved.as_json(), run_id, table),
    )
