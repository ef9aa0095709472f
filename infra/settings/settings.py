"""All settings of one deployment."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dataforge.defaults import (
    AUDIT_DAYS,
    BACKUP_KEEP_COUNT,
    BACKUP_KEEP_DAYS,
    BACKUP_PART_MEGABYTES,
    CHUNK_MEGABYTES,
    EXPORT_CONCURRENCY,
    EXPORT_KEEP_DAYS,
    KEY_ALARM_DAYS,
    LEAST_AUDIT_DAYS,
    REJECTED_TEXT_MEGABYTES,
    REJECTION_DAYS,
    REJECTIONS_PER_TABLE,
    SAFETY_KEEP_DAYS,
    SHADOW_DAYS,
    TRIAL_RESTORE_MEGABYTES,
    VERSION_DAYS,
)
from dataforge.postgres.connection_budget import Budget
from dataforge.tables.datasets import DATASETS
from infra.settings.defaults import nightly
from infra.settings.models import ExistingDatabase, FromText, Model, UsagePlans


def _check_dataset(name: str) -> str:
    if name not in DATASETS:
        raise ValueError(f"no such dataset; there are {', '.join(DATASETS)}")
    return name


DatasetName = Annotated[str, AfterValidator(_check_dataset)]
Schedule = Annotated[str, Field(pattern=r"^(off|(cron|rate)\(.+\))$")]
"""An expression of EventBridge Scheduler in UTC, or ``off``."""


class Settings(Model):
    """The settings of one deployment, with the defaults of its stage."""

    stage: Literal["dev", "prod"] = "dev"
    target: Literal["aws", "local"] = "aws"
    auth: Literal["iam", "secret"]
    existing_database: Annotated[ExistingDatabase, FromText] | None = None

    postgres_version: Annotated[Literal[16, 17, 18], FromText] = Field(
        18, description="major version of the database that the app creates; it cannot change later"
    )
    instance_class: str = Field(
        pattern=r"^[a-z0-9]+\.[a-z0-9]+$", description="without `db.`, such as t4g.micro"
    )
    keep_instance_class: bool = Field(
        False,
        description="keep the class of an existing instance; false if instanceClass is set",
    )
    multi_az: bool
    storage_gigabytes: int = Field(ge=20)
    max_storage_gigabytes: int = Field(ge=22, description="limit of storage autoscaling")
    backup_retention_days: int = Field(ge=1, le=35)

    chunk_megabytes: int = Field(
        CHUNK_MEGABYTES, ge=1, le=256, description="megabytes of CSV in one load step"
    )
    load_concurrency: int = Field(ge=1, le=1000, description="concurrent load steps, each with a connection")
    migration_hours: int = Field(24, ge=1, le=8760, description="time limit of a migration")

    backup_schedule: Schedule | None = Field(
        None, description="for each dataset that is not in backupSchedules. Default: daily, one after another"
    )
    backup_schedules: Annotated[dict[DatasetName, Schedule], FromText] = Field(default_factory=dict)
    backup_alarm_hours: int = Field(
        26,
        ge=2,
        le=167,
        description="age of the newest verified backup that raises the alarm; CloudWatch allows a week at most",
    )
    backup_keep_count: int = Field(BACKUP_KEEP_COUNT, ge=1, description="newest backups that never expire")
    backup_keep_days: int = Field(BACKUP_KEEP_DAYS, ge=1, description="age at which other backups expire")
    safety_keep_days: int = Field(
        SAFETY_KEEP_DAYS, ge=1, description="age at which safety backups of restores expire"
    )
    backup_part_megabytes: int = Field(
        BACKUP_PART_MEGABYTES,
        ge=1,
        le=1024,
        description="size of the part of a table, as PostgreSQL stores it, in one file",
    )
    backup_concurrency: int = Field(
        ge=1, le=1000, description="files written or read concurrently, each with a connection"
    )
    export_concurrency: int = Field(
        EXPORT_CONCURRENCY,
        ge=1,
        le=100,
        description="concurrent exports, each with a connection and a function invocation",
    )
    max_connections: int | None = Field(
        None, ge=50, description="connections of an existing database that the app may use. Default: all"
    )
    backup_hours: int = Field(24, ge=1, le=8760, description="time limit of a backup")
    verify_restore_megabytes: int = Field(
        TRIAL_RESTORE_MEGABYTES,
        ge=0,
        le=100_000,
        description="largest backup that a verification also restores on trial",
    )
    glue_database: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]{0,99}$",
        description="register the newest verified backup as tables of the Glue databases <value>_<dataset>",
    )
    backup_lock_days: int | None = Field(
        None,
        ge=0,
        le=36_500,
        description="S3 Object Lock: days in which a backup's objects cannot be deleted (0: none). Default: of new"
        " production stacks `backupKeepDays`",
    )

    usage_plans: Annotated[UsagePlans, FromText] = UsagePlans()
    api_rate: float = Field(
        500, gt=0, le=10_000, description="requests per second to one route, all callers together"
    )
    api_burst: int = Field(500, ge=1, le=5_000)
    api_log_role: bool = Field(True, description="set the account's role for API Gateway logs")
    restore_api: bool = Field(False, description="offer POST /v1/restores; GET is always offered")
    rejection_alarm_percent: int = Field(
        10, ge=1, le=100, description="percentage of rejected records in five minutes that raises the alarm"
    )

    key_alarm_days: int = Field(
        KEY_ALARM_DAYS,
        ge=0,
        le=3650,
        description="days before the last day of an API key that raise the alarm",
    )

    rejected_text_megabytes: int = Field(
        REJECTED_TEXT_MEGABYTES,
        ge=1,
        le=1_000_000,
        description="rejected records of one dataset that the database stores; others are in the report bucket, or are read"
        " in the source file",
    )
    rejections_per_table: int = Field(
        REJECTIONS_PER_TABLE,
        ge=0,
        le=1_000_000_000,
        description="rejections of one table in one migration that the database stores; the report bucket stores others",
    )
    rejection_days: int = Field(
        REJECTION_DAYS,
        gt=SHADOW_DAYS,
        le=36_500,
        description="age at which rejections expire; a failed run can be resumed for a week and needs its own",
    )

    audit_days: int = Field(
        AUDIT_DAYS,
        ge=LEAST_AUDIT_DAYS,
        le=36_500,
        description="age at which entries of the audit expire, at the next deployment",
    )

    raw_keep_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="age at which files of the raw bucket are deleted; their versions remain for versionDays",
    )
    report_keep_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="age at which reports and work lists of runs are deleted; at least rejectionDays",
    )
    export_keep_days: int = Field(
        EXPORT_KEEP_DAYS,
        ge=1,
        le=36_500,
        description="age at which exported files are deleted; their versions remain for a day",
    )
    version_days: int = Field(
        VERSION_DAYS,
        ge=1,
        le=36_500,
        description="days in which a deleted or replaced object can be recovered",
    )

    plan: str = Field(
        "",
        pattern=r"^([0-9a-f]{16}\.[0-9a-f]{16})?$",
        description="fingerprint of `dataforge plan`: refuse to change the schema unless the plan still holds",
    )
    bastion: bool = Field(
        False, description="create the instance for `dataforge connect`; when stopped, it costs its disk"
    )

    log_retention_days: Annotated[Literal[7, 30, 90, 365, 3653], FromText]
    alarm_email: str | None = Field(None, pattern=r"^[^@\s]+@[^@\s]+$")
    tags: Annotated[dict[str, str], FromText] = Field(default_factory=dict)

    @property
    def scheduled_backups(self) -> dict[str, str]:
        """Return the schedule expression of each dataset whose schedule is not ``off``. Examples have none by default."""
        names = [name for name, dataset in DATASETS.items() if not dataset.example]
        common = dict.fromkeys(names, self.backup_schedule) if self.backup_schedule else nightly(names)
        wanted = {name: self.backup_schedules.get(name) or common.get(name, "off") for name in DATASETS}
        return {name: expression for name, expression in wanted.items() if expression != "off"}

    @property
    def observed(self) -> list[str]:
        """Return the datasets with alarms: all except examples without a schedule."""
        return [name for name in DATASETS if not DATASETS[name].example or name in self.scheduled_backups]

    @property
    def stack_name(self) -> str:
        return f"DataForge-{self.stage}"

    @property
    def budget(self) -> Budget:
        """The concurrency from which connection limits are computed."""
        return Budget(self.load_concurrency, self.backup_concurrency, self.export_concurrency)

    @property
    def instance_name(self) -> str:
        """The name of the database instance, because of which CloudFormation refuses any change that would replace it."""
        return self.stack_name.lower()

    @property
    def production(self) -> bool:
        return self.stage == "prod"

    @property
    def local(self) -> bool:
        return self.target == "local"
