"""The errors of Data Forge, each a situation with its data and its meaning outside.

    DataForgeError
    ├── InvalidInput            the caller asked for something that cannot be (never retried)
    │   ├── InvalidSettings, InvalidDeclaration, UnusableBucket
    │   ├── UnknownDataset, UnknownTable
    │   ├── DamagedFile, RecordTooLong, WrongCorrection
    │   ├── NoFiles, MissingFile, UnexpectedFiles, UnreadFormat, ArchivedFile
    │   ├── MissingColumn, UnknownColumn, DuplicateColumn, ColumnInFolder, UnreadableColumn, WrongHeader, WrongEncoding
    │   ├── NoSuchBackup, NoSuchRun
    ├── Refused                 it could be done, but would harm (never retried)
    │   ├── AlreadyRunning, LeaseLost, QualityTooLow, NotReconciled, SchemaRefused, SourceChanged, TargetRefuses
    │   ├── RowSecurity, DamagedBackup, BackupExists, TableChanged, SchemaDiffers, WouldOrphan, SnapshotLost
    │   └── TargetChanged       the state machine settles again
    ├── DiskFull                the database has no room; somebody has to make some (never retried)
    ├── StatementFailed         PostgreSQL refused a statement, and no situation above says why (never retried)
    ├── Unexpected              a defect (never retried)
    └── Temporary               the same call may succeed later (retried with backoff)
        ├── Unavailable         the database is away
        ├── Busy                a lock was not to be had in time
        ├── OutOfMemory         the database has too much to do at once
        └── BackupRunning       a backup reads the tables, for hours perhaps

Step Functions compares error names as strings, so its retries list the leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from itertools import islice

_FILES_SHOWN = 20


class DataForgeError(Exception):
    """Base of all errors that Data Forge raises on purpose; its text is safe to show to a caller."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class InvalidInput(DataForgeError):
    """The input cannot be worked on; its text names what is wrong and the way out."""

    status = HTTPStatus.BAD_REQUEST


class InvalidSettings(InvalidInput):
    """A function's environment lacks a setting, or holds a wrong one."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class InvalidDeclaration(InvalidInput, ValueError):
    """A dataset's module declares what cannot work; found when it is imported. Names table, column and the way out."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class UnusableBucket(InvalidInput):
    """A bucket that the deployment works with is not there, or its user may not do with it what he has to."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, bucket: str, verb: str, reason: str) -> None:
        super().__init__(f"The bucket {bucket!r} cannot be {verb}: {reason}.")


class UnknownDataset(InvalidInput):
    """The catalogue has no dataset of this name."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(f"Unknown dataset {name!r}. The catalogue has: {', '.join(sorted(known))}.")


class UnknownTable(InvalidInput):
    """The dataset has no table of this name."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, dataset: str, name: str, known: Iterable[str]) -> None:
        self.dataset, self.name = dataset, name
        super().__init__(f"Unknown table {name!r}. Dataset {dataset!r} has: {', '.join(known)}.")


class NoFiles(InvalidInput):
    """Nothing lies under the prefix."""

    def __init__(self, bucket: str, prefix: str) -> None:
        super().__init__(
            f"No files under the prefix {prefix!r} in bucket {bucket!r}. Upload the CSVs there first."
        )


class MissingFile(InvalidInput):
    """A table that is to be migrated has no file; ``ignored`` are those that no table takes, which may be misnamed."""

    def __init__(self, missing: Mapping[str, str], prefix: str, ignored: Collection[str] = ()) -> None:
        self.missing = missing
        files = ", ".join(f"{table} (expected {file})" for table, file in missing.items())
        others = ", ".join(islice(ignored, _FILES_SHOWN))
        more = f" and {len(ignored) - _FILES_SHOWN} more" if len(ignored) > _FILES_SHOWN else ""
        super().__init__(
            f'No file under {prefix!r} for: {files}. Upload it, or name the tables to migrate in "tables" (`dataforge'
            " migrate --tables present`: those that have a file)."
            + (f" Files there that are not read: {others}{more}." if others else "")
        )


class UnexpectedFiles(InvalidInput):
    """Files look like a table's and are not named like one; ``files`` gives the reason for each."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        first = list(files.items())[:_FILES_SHOWN]
        more = f"; and {len(files) - len(first)} more" if len(files) > len(first) else ""
        super().__init__(
            f"{len(files)} file(s) may belong to a table and would not be read: "
            + "; ".join(f"{name}: {reason}" for name, reason in first)
            + f'{more}. Rename, move or remove them (`dataforge files --remove KEY`), or leave them with "ignore"'
            " (`dataforge migrate --ignore PATTERN`)."
        )


class UnreadFormat(InvalidInput):
    """A file named like a CSV holds something else."""

    def __init__(self, file: str, content: str) -> None:
        super().__init__(
            f"{file} holds {content}, which is not read under this name. A CSV is plain text, gzip or zstd; Parquet is named"
            " .parquet."
        )


class ArchivedFile(InvalidInput):
    """An object is in an archive tier of S3, from which it cannot be read at once."""

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} is archived in S3 and cannot be read. Restore it (`aws s3api restore-object`), then start again."
        )


class MissingColumn(InvalidInput):
    """A file's header lacks columns of the table."""

    def __init__(self, file: str, columns: Iterable[str], hint: str = "") -> None:
        super().__init__(f"{file}: the header lacks the column(s) {', '.join(columns)}{hint}.")


class UnknownColumn(InvalidInput):
    """A file's header has columns that the table has not."""

    def __init__(self, file: str, columns: str) -> None:
        super().__init__(f"{file}: the header has unknown column(s): {columns}.")


class DuplicateColumn(InvalidInput):
    """A file's header names a column twice."""

    def __init__(self, file: str, columns: Iterable[str]) -> None:
        super().__init__(f"{file}: the header names more than once: {', '.join(columns)}.")


class ColumnInFolder(InvalidInput):
    """A file has a column that its ``key=value`` folder gives a value for, too."""

    def __init__(self, file: str, columns: Iterable[str]) -> None:
        names = tuple(columns)
        super().__init__(
            f"{file}: the column(s) {', '.join(names)} are in the file and in the names of its folders. Remove them from the"
            f" file, or declare ignore_partitions={names!r} in the table's class to use the file's values."
        )


class UnreadableColumn(InvalidInput):
    """Columns of a Parquet file hold no single values."""

    def __init__(self, file: str, columns: Iterable[str]) -> None:
        super().__init__(
            f"{file}: no values can be read from the column(s) {', '.join(columns)}. Texts, numbers, booleans, dates and"
            " timestamps can."
        )


class WrongHeader(InvalidInput):
    """A file's first line cannot be read as a header."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__(f"{file}: the header cannot be read: {what}.")


class WrongEncoding(InvalidInput):
    """A file is not UTF-8 from its first line on."""

    def __init__(self, file: str, found: str) -> None:
        super().__init__(f"{file}: {found}. Convert the file to UTF-8 and upload it again.")


class DamagedFile(InvalidInput):
    """A compressed file cannot be decompressed to its end."""

    def __init__(self, file: str, compression: str, reason: str) -> None:
        super().__init__(f"{file} is not a whole {compression} file ({reason}). Upload it again.")


class RecordTooLong(InvalidInput):
    """A record has no end within reason."""

    def __init__(self, file: str, line: int, limit: int) -> None:
        super().__init__(
            f"{file}: the record in line {line} is longer than {limit >> 20} MiB. Is a quote in it never closed?"
        )


class NoSuchBackup(InvalidInput):
    """There is no backup of this id, or none that is complete, or none with what is wanted."""

    status = HTTPStatus.NOT_FOUND


class NoSuchRun(InvalidInput):
    """There is no run of this id to go on with, or none that rejected anything, nor a batch that did."""

    status = HTTPStatus.NOT_FOUND

    def __init__(
        self,
        what: str,
        hint: str = (
            "`dataforge status` shows the newest migration, GET /v1/rejections the migration or batch of each rejection."
        ),
    ) -> None:
        super().__init__(f"There is no {what}. {hint}")


class WrongCorrection(InvalidInput):
    """A line of a file of corrected rejections cannot be meant."""

    def __init__(self, file: str, line: int, what: str) -> None:
        super().__init__(f"{file}, line {line}: {what}.")


class Refused(DataForgeError):
    """The work was refused because it would have done harm."""

    status = HTTPStatus.CONFLICT


class AlreadyRunning(Refused):
    """Another run holds the lease on one of the tables."""


class LeaseLost(Refused):
    """The run no longer holds its lease: it was stopped, and another may have taken over."""


class QualityTooLow(Refused):
    """Too many rows were rejected; nothing was published."""


class NotReconciled(Refused):
    """Source and target do not agree; nothing was published."""


class SchemaRefused(Refused):
    """A change of the catalogue would lose data, or existing rows contradict it."""


class SourceChanged(Refused):
    """A source object was replaced while it was being migrated."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was changed during the migration. Start the migration again.")


class TargetChanged(Refused):
    """Rows came into a table that was empty when the run began; settle again, against them."""


class TargetRefuses(Refused):
    """A rule that the owner gave a table (a constraint, an index, a trigger) keeps valid rows out of it."""


class RowSecurity(Refused):
    """The database would hide rows of these tables from a role, or already does."""

    def __init__(self, tables: Iterable[str]) -> None:
        names = ", ".join(sorted(tables))
        super().__init__(
            f"Row security is enabled on {names}, so the database may hide rows. Nothing was done. Disable it (ALTER TABLE …"
            " DISABLE ROW LEVEL SECURITY) and limit readers by views and grants instead: see docs/operations.md."
        )


class DamagedBackup(Refused):
    """A backup's files are not what its manifest says; the text names each file, and what is wrong with it."""

    def __init__(self, backup_id: str, faults: Iterable[str]) -> None:
        super().__init__(f"Backup {backup_id} is damaged: {'; '.join(faults)}.")


class BackupExists(Refused):
    """Another has written this backup's manifest already; what he wrote stands."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was written by another run meanwhile; that one stands.")


class TableChanged(Refused):
    """A table has not the columns that the catalogue declares, and a backup of those alone would lose data."""

    def __init__(self, table: str, differences: Iterable[str]) -> None:
        super().__init__(f"{table} is not what the catalogue declares: {'; '.join(differences)}.")


class SchemaDiffers(Refused):
    """A backup's columns do not fit the table, and what changed since was not additive."""

    def __init__(self, table: str, differences: Iterable[str]) -> None:
        super().__init__(f"The backup's columns of {table} do not fit the table: {'; '.join(differences)}.")


class WouldOrphan(Refused):
    """Rows would lose their parents, or restored rows would have none; the text names them. Nothing was changed."""

    def __init__(self, findings: Iterable[str]) -> None:
        super().__init__(f"The restore would leave rows without their parents: {'; '.join(findings)}.")


class SnapshotLost(Refused):
    """Nobody holds the instant any more that a backup began to read; another instant would not fit what is read."""

    def __init__(self, run: str) -> None:
        super().__init__(
            f"The snapshot of backup {run} was lost with its last connection. Start the backup again."
        )


class DiskFull(DataForgeError):
    """The database has no room for what is to be stored, or to be sorted; nothing was committed.

    No step tries again: RDS takes minutes to grow its storage, and six hours must lie between two times. A run that fails
    gives its room back at once, which all other writers need.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database has no room left: {reason}. Give it more storage (on AWS: maxStorageGigabytes) or delete "
            "what is not needed; then start again."
        )


class StatementFailed(DataForgeError):
    """PostgreSQL refused a statement for a reason that no other error stands for. ``what`` holds names alone, no value."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The database refused a statement: {what}. The function's log says where.")


class Unexpected(DataForgeError):
    """A defect. What it was, and where, is in the log; the text of the original error may quote a record."""

    def __init__(self, kind: str = "") -> None:
        super().__init__(
            f"{kind} was not expected. The function's log says where."
            if kind
            else "Something went wrong on our side. It is in the log under this instance."
        )


class Temporary(DataForgeError):
    """The same call may succeed later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class Unavailable(Temporary):
    """The database, or S3, cannot be reached, or dropped the connection; nothing was committed, unless ``in_doubt``."""

    in_doubt = False
    """Whether the connection dropped while the database was confirming a transaction, which it may have done."""


class Busy(Temporary):
    """A lock was not to be had in time, or the database had to choose a victim; nothing was committed."""


class OutOfMemory(Temporary):
    """The database, or what its transactions share, lacked memory; nothing was committed."""


class BackupRunning(Temporary):
    """The tables are being read by a backup's snapshot, in which a new table would be empty."""

    def __init__(self, dataset: str, holders: Iterable[str]) -> None:
        who = ", ".join(sorted(holders)) or "a backup that has just ended"
        super().__init__(
            f"The tables of {dataset!r} are being read by {who}. They are exchanged when it is over."
        )
