"""Errors of Data Forge. Each class describes a situation and defines its public code, HTTP status, retry and hint.

    DataForgeError
    ├── InvalidInput            the input is invalid (never retried)
    │   ├── input               settings, declarations, unknown datasets, tables, backups and runs
    │   ├── files               missing, damaged and unsupported source files
    │   └── requests, gateway   refused HTTP requests
    ├── Refused                 the operation would cause damage (never retried)
    │   ├── runs                leases, quality, reconciliation, changed tables
    │   ├── backups             damaged backups, restores that would orphan rows
    │   └── delivery, deployment
    ├── DiskFull, NoCursorKey, StatementFailed, Unexpected (never retried)
    └── Temporary               the same call may succeed later (retried with backoff)
        └── Unavailable, Busy, OutOfMemory, BackupRunning, WorkContinues

docs/errors.md lists the codes. The package imports only the standard library.
"""

from __future__ import annotations

from dataforge.errors.backups import (
    BackupExists,
    BackupRunning,
    DamagedBackup,
    SchemaDiffers,
    SnapshotLost,
    UnsignedBackup,
    UnusableKey,
    WouldOrphan,
)
from dataforge.errors.base import (
    CodedError,
    DataForgeError,
    InvalidInput,
    Refused,
    Temporary,
    Unexpected,
)
from dataforge.errors.database import Busy, DiskFull, NoCursorKey, OutOfMemory, StatementFailed, Unavailable
from dataforge.errors.delivery import BelowQuality, ExportRunning, TooManyExports, TooSlow
from dataforge.errors.deployment import DeletionRefused, InstanceExists
from dataforge.errors.files import (
    ArchivedFile,
    ColumnInFolder,
    DamagedFile,
    DuplicateColumn,
    MissingColumn,
    MissingFile,
    NoFiles,
    NotJsonLines,
    PieceTooLarge,
    ReadTimeout,
    RecordTooLong,
    SeveralFiles,
    SourceChanged,
    UnexpectedFiles,
    UnknownColumn,
    UnsupportedColumnType,
    UnsupportedFormat,
    WrongEncoding,
    WrongFieldCount,
    WrongHeader,
)
from dataforge.errors.gateway import BadRequest, Filtered, GatewayTimeout, QuotaUsedUp, TooManyRequests
from dataforge.errors.input import (
    InvalidDeclaration,
    InvalidSettings,
    NoSuchBackup,
    NoSuchRun,
    TooFewConnections,
    UnknownDataset,
    UnknownTable,
    UnreadablePrefix,
    UnusableBucket,
    WrongCorrection,
)
from dataforge.errors.requests import (
    AnswerTooLarge,
    BodyTooLarge,
    InvalidRequest,
    KeyEnded,
    KeyReused,
    NotFound,
    NotJson,
    OutsideLimits,
    RejectionsTooLarge,
    RequestInProgress,
    RowTooLarge,
    WrongContentEncoding,
    WrongKey,
    WrongMediaType,
    WrongMethod,
)
from dataforge.errors.runs import (
    AlreadyRunning,
    ApplierStopped,
    LeaseLost,
    NotCompleted,
    NotReconciled,
    QualityTooLow,
    RowSecurity,
    SchemaRefused,
    TableChanged,
    TargetChanged,
    TargetRejectsRows,
    WorkContinues,
)

__all__ = [
    "AlreadyRunning",
    "AnswerTooLarge",
    "ApplierStopped",
    "ArchivedFile",
    "BackupExists",
    "BackupRunning",
    "BadRequest",
    "BelowQuality",
    "BodyTooLarge",
    "Busy",
    "CodedError",
    "ColumnInFolder",
    "DamagedBackup",
    "DamagedFile",
    "DataForgeError",
    "DeletionRefused",
    "DiskFull",
    "DuplicateColumn",
    "ExportRunning",
    "Filtered",
    "GatewayTimeout",
    "InstanceExists",
    "InvalidDeclaration",
    "InvalidInput",
    "InvalidRequest",
    "InvalidSettings",
    "KeyEnded",
    "KeyReused",
    "LeaseLost",
    "MissingColumn",
    "MissingFile",
    "NoCursorKey",
    "NoFiles",
    "NoSuchBackup",
    "NoSuchRun",
    "NotCompleted",
    "NotFound",
    "NotJson",
    "NotJsonLines",
    "NotReconciled",
    "OutOfMemory",
    "OutsideLimits",
    "PieceTooLarge",
    "QualityTooLow",
    "QuotaUsedUp",
    "ReadTimeout",
    "RecordTooLong",
    "Refused",
    "RejectionsTooLarge",
    "RequestInProgress",
    "RowSecurity",
    "RowTooLarge",
    "SchemaDiffers",
    "SchemaRefused",
    "SeveralFiles",
    "SnapshotLost",
    "SourceChanged",
    "StatementFailed",
    "TableChanged",
    "TargetChanged",
    "TargetRejectsRows",
    "Temporary",
    "TooFewConnections",
    "TooManyExports",
    "TooManyRequests",
    "TooSlow",
    "Unavailable",
    "Unexpected",
    "UnexpectedFiles",
    "UnknownColumn",
    "UnknownDataset",
    "UnknownTable",
    "UnreadablePrefix",
    "UnsignedBackup",
    "UnsupportedColumnType",
    "UnsupportedFormat",
    "UnusableBucket",
    "UnusableKey",
    "WorkContinues",
    "WouldOrphan",
    "WrongContentEncoding",
    "WrongCorrection",
    "WrongEncoding",
    "WrongFieldCount",
    "WrongHeader",
    "WrongKey",
    "WrongMediaType",
    "WrongMethod",
]
