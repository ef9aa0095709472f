"""Typed settings: one frozen model per function, read from its environment at the first use, never at import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dataforge.defaults import (
    ATTENDED_SECONDS,
    BACKUP_KEEP_COUNT,
    BACKUP_KEEP_DAYS,
    BACKUP_PART_MEGABYTES,
    CHUNK_MEGABYTES,
    EXPORT_CONCURRENCY,
    KEY_ALARM_DAYS,
    REJECTED_TEXT_MEGABYTES,
    REJECTION_DAYS,
    REJECTIONS_PER_TABLE,
    SAFETY_KEEP_DAYS,
    TRIAL_RESTORE_MEGABYTES,
    UNATTENDED_MEGABYTES,
)
from dataforge.errors import InvalidSettings
from dataforge.postgres.time_limits import OF_REQUESTS, OF_RUNS, TimeLimits

ROOT_CERTIFICATES = str(Path(__file__).parent / "certs" / "rds-global-bundle.pem")
"""The root certificates of RDS in each region, in the layer."""


class Settings(BaseModel):
    """Base of all settings: field ``raw_bucket`` is the variable ``RAW_BUCKET``."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class DatabaseSettings(Settings):
    """The connection of a function to PostgreSQL.

    ``db_auth``: ``iam`` signs a token for ``db_user`` (RDS), ``secret`` reads the password of ``db_secret_arn``.
    """

    db_host: str
    db_port: int = Field(default=5432, ge=1, le=65535)
    db_name: str
    db_user: str
    db_auth: Literal["iam", "secret"] = "iam"
    db_secret_arn: str = ""
    db_sslmode: Literal["verify-full", "verify-ca", "require", "disable"] = "verify-full"
    db_sslrootcert: str = ROOT_CERTIFICATES
    db_statement_seconds: int = Field(default=OF_RUNS.statement_timeout, ge=1)
    """Of a statement, and of a transaction between two statements."""
    db_lock_seconds: int = Field(default=OF_RUNS.lock_timeout, ge=1)
    db_idle_seconds: int = Field(default=OF_RUNS.idle_session_timeout, ge=0)
    """After which the server ends an idle session (0: never), such as that of a killed process."""
    db_transaction_seconds: int = Field(default=OF_RUNS.transaction_timeout, ge=0)
    """After which the server ends a session with an open transaction (0: never; before PostgreSQL 17 never)."""

    @property
    def time_limits(self) -> TimeLimits:
        """The limits of each session."""
        statement = self.db_statement_seconds
        return TimeLimits(
            statement, self.db_lock_seconds, statement, self.db_idle_seconds, self.db_transaction_seconds
        )


class HttpSettings(DatabaseSettings):
    """Settings of ingest and deliver, behind API Gateway."""

    db_statement_seconds: int = Field(default=OF_REQUESTS.statement_timeout, ge=1)
    db_lock_seconds: int = Field(default=OF_REQUESTS.lock_timeout, ge=1)
    db_idle_seconds: int = Field(default=OF_REQUESTS.idle_session_timeout, ge=0)
    db_transaction_seconds: int = Field(default=OF_REQUESTS.transaction_timeout, ge=0)


class WatchSettings(HttpSettings):
    """Settings of the hourly metrics. ``alarm_days``: the days before the last day of an API key that raise the alarm."""

    alarm_days: int = Field(default=KEY_ALARM_DAYS, ge=0)


class IngestSettings(HttpSettings):
    """Settings of ingest. ``report_bucket``: where rejected records are stored that are too large for the database.

    ``rejected_text_bytes``: of one dataset, what the database stores.
    """

    report_bucket: str
    rejected_text_bytes: int = Field(default=REJECTED_TEXT_MEGABYTES * 2**20, ge=0)


class RunSettings(DatabaseSettings):
    """Settings of the functions that a state machine calls.

    ``unattended_bytes``: the size of the tables from which PostgreSQL completes the work of a step without the function.
    ``attended_seconds``: how long the function waits for it.
    """

    report_bucket: str
    unattended_bytes: int = Field(default=UNATTENDED_MEGABYTES * 2**20, ge=0)
    attended_seconds: int = Field(default=ATTENDED_SECONDS, ge=1)


class RejectionLimits(Settings):
    """The most that a migration stores in the database of its rejections; ``report_bucket`` stores the others.

    ``rejections_per_table``: rows of one table and run. ``rejected_text_bytes``: text of the dataset, also of batches and
    of other runs.
    """

    report_bucket: str
    rejections_per_table: int = Field(default=REJECTIONS_PER_TABLE, ge=0)
    rejected_text_bytes: int = Field(default=REJECTED_TEXT_MEGABYTES * 2**20, ge=0)


class MigrationSettings(RejectionLimits, RunSettings):
    """Settings of the migration's functions."""

    raw_bucket: str
    chunk_bytes: int = Field(default=CHUNK_MEGABYTES * 2**20, ge=64)
    rejection_days: int = Field(default=REJECTION_DAYS, ge=1)
    """The age at which rejections expire."""


class OperationsSettings(Settings):
    """Settings of the operations function: the state machines that it starts, the buckets of backups and claims.

    ``manifest_signer``, ``verification_signer``: the ARNs of the KMS keys that sign manifests and verifications.
    """

    backup_arn: str
    restore_arn: str
    export_arn: str
    backup_bucket: str
    report_bucket: str
    audit_function: str
    """The function that records the requests in the audit."""
    manifest_signer: str
    verification_signer: str
    export_concurrency: int = Field(default=EXPORT_CONCURRENCY, ge=1)
    """The most exports that may be running when another is started."""
    restore_api: bool = False
    """Whether POST /v1/restores is deployed. Only then may the function start that state machine."""


class ExportSettings(RunSettings):
    """Settings of the export function. ``part_bytes``: the size of the page range in one file of a large table."""

    backup_bucket: str
    part_bytes: int = Field(default=256 * 2**20, ge=8192)


class RestoreSettings(RunSettings):
    """Settings of the restore's functions.

    ``part_bytes``: the size of the page range of a replaced table in one file of the safety backup.
    ``swap_rows``: the least number of changed rows, if they are also a fifth of all, for which the table is swapped.
    """

    backup_bucket: str
    part_bytes: int = Field(default=BACKUP_PART_MEGABYTES * 2**20, ge=8192)
    swap_rows: int = Field(default=50_000, ge=0)


class BackupSettings(RunSettings):
    """Settings of the backup's functions.

    ``part_bytes``: the size of the page range in one file. ``scratch_bytes``: the size of a backup's files up to which a
    verification also restores it. A backup expires when it is older than ``keep_days`` and not among the newest
    ``keep_count``.
    """

    backup_bucket: str
    part_bytes: int = Field(default=BACKUP_PART_MEGABYTES * 2**20, ge=8192)
    scratch_bytes: int = Field(default=TRIAL_RESTORE_MEGABYTES * 2**20, ge=0)
    keep_count: int = Field(default=BACKUP_KEEP_COUNT, ge=1)
    keep_days: int = Field(default=BACKUP_KEEP_DAYS, ge=1)
    safety_days: int = Field(default=SAFETY_KEEP_DAYS, ge=1)


class GlueSettings(Settings):
    """Settings of the function that registers backups in Glue: a dataset is the database ``<glue_database>_<dataset>``."""

    backup_bucket: str
    glue_database: str


S = TypeVar("S", bound=Settings)


def read(model: type[S], environment: Mapping[str, str] = os.environ) -> S:
    """The settings of ``model`` from environment variables.

    Raises ``InvalidSettings``, which names every missing or invalid variable, and no value.
    """
    values = {name: environment[name.upper()] for name in model.model_fields if name.upper() in environment}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = [f"{str(e['loc'][0]).upper()} ({e['msg']})" for e in error.errors(include_input=False)]
        raise InvalidSettings(f"Environment variables are missing or invalid: {'; '.join(wrong)}.") from None
