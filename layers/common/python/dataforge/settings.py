"""Typed settings: one frozen model per function, read from its environment when the function needs it, never at import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dataforge.defaults import (
    EXPORT_CONCURRENCY,
    FUNCTION_SECONDS,
)
from dataforge.errors import InvalidSettings


class Settings(BaseModel):
    """Base of all settings: field ``raw_bucket`` is the variable ``RAW_BUCKET``."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class DatabaseSettings(Settings):
    """How a function reaches PostgreSQL.

    ``db_auth``: ``iam`` signs a token for ``db_user`` (RDS), ``secret`` reads the password of ``db_secret_arn``.
    """

    db_host: str
    db_port: int = Field(default=5432, ge=1, le=65535)
    db_name: str
    db_user: str
    db_auth: Literal["iam", "secret"] = "iam"
    db_secret_arn: str = ""
    db_sslmode: Literal["verify-full", "verify-ca", "require", "disable"] = "verify-full"
    db_sslrootcert: str = ""
    db_statement_seconds: int = Field(default=FUNCTION_SECONDS - 30, ge=1)
    """By default just under Lambda's 15 minutes: the database gives up before the function is killed."""
    db_lock_seconds: int = Field(default=20, ge=1)
    db_idle_seconds: int = Field(default=1200, ge=0)
    """After which the server ends an idle session (0: never): a process that was killed cannot. A snapshot holder waits for
    13 minutes without a statement."""


class HttpSettings(DatabaseSettings):
    """What a function behind API Gateway needs, which waits 29 seconds: the database must give up before."""

    db_statement_seconds: int = Field(default=20, ge=1)
    db_lock_seconds: int = Field(default=8, ge=1)
    db_idle_seconds: int = Field(default=60, ge=0)
    """Lambda keeps a process for minutes after a burst, and its connection would be missing to others as long."""


class IngestSettings(HttpSettings):
    """What the ingest function needs."""


class DeliverSettings(HttpSettings):
    """What the deliver function needs."""


class RunSettings(DatabaseSettings):
    """Settings of the functions that a state machine calls."""

    report_bucket: str


class MigrationSettings(RunSettings):
    """Settings of the migration's functions."""

    raw_bucket: str
    chunk_bytes: int = Field(default=16 * 2**20, ge=64)


class OperationsSettings(Settings):
    """What the operations function needs: the machines that it starts, and where backups and claims lie."""

    backup_arn: str
    restore_arn: str
    export_arn: str
    backup_bucket: str
    report_bucket: str
    export_concurrency: int = Field(default=EXPORT_CONCURRENCY, ge=1)
    """How many exports may be running when a new one is started."""
    restore_api: bool = False
    """Whether POST /v1/restores is offered; the function has the right to start that machine only then."""


class ExportSettings(RunSettings):
    """Settings of the export function."""

    backup_bucket: str


class RestoreSettings(RunSettings):
    """Settings of the restore's functions.

    ``part_bytes``: how much of a replaced table, as PostgreSQL stores it, goes into one file of the safety backup.
    ``swap_rows``: from how many rows on, if they are also a fifth of all, a difference is worth a new table.
    """

    backup_bucket: str
    part_bytes: int = Field(default=256 * 2**20, ge=8192)
    swap_rows: int = Field(default=50_000, ge=0)


class BackupSettings(RunSettings):
    """Settings of the backup's functions.

    ``part_bytes``: how much of a table, as PostgreSQL stores it, goes into one file. ``scratch_bytes``: up to which size of
    its files a backup is also restored when it is verified. A backup is removed when it is older than ``keep_days`` and not
    among the newest ``keep_count``.
    """

    backup_bucket: str
    part_bytes: int = Field(default=128 * 2**20, ge=8192)
    scratch_bytes: int = Field(default=256 * 2**20, ge=0)
    keep_count: int = Field(default=7, ge=1)
    keep_days: int = Field(default=35, ge=1)
    safety_days: int = Field(default=30, ge=1)


class GlueSettings(Settings):
    """What the function needs that registers backups in Glue: tables of a dataset lie in ``<glue_database>_<dataset>``."""

    backup_bucket: str
    glue_database: str


S = TypeVar("S", bound=Settings)


def read(model: type[S], environment: Mapping[str, str] = os.environ) -> S:
    """The settings of ``model`` from environment variables.

    Raises ``InvalidSettings`` naming every variable that is missing or wrong, never its value.
    """
    values = {name: environment[name.upper()] for name in model.model_fields if name.upper() in environment}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = [f"{str(e['loc'][0]).upper()} ({e['msg']})" for e in error.errors(include_input=False)]
        raise InvalidSettings(f"Environment variables are missing or invalid: {'; '.join(wrong)}.") from error
