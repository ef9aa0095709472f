"""What may differ between deployments, read from the CDK context (``cdk.json`` or ``cdk -c key=value``).

Every key has a safe default for both stages, so that ``cdk deploy`` alone makes a working ``dev``. A key or value that is
not understood ends the synthesis with its name: a misspelt ``backupRetentionDays`` must not go unnoticed until the day
the backup is needed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from dataforge.defaults import (
    BACKUP_KEEP_COUNT,
    BACKUP_KEEP_DAYS,
    BACKUP_PART_MEGABYTES,
    CHUNK_MEGABYTES,
    EXPORT_CONCURRENCY,
    SAFETY_KEEP_DAYS,
    TRIAL_RESTORE_MEGABYTES,
)
from dataforge.postgres.connection_budget import Budget, TooFewConnections, connections_of
from dataforge.tables.datasets import DATASETS
from infra.workflow.history import most_backup_hours

SCHEDULE = r"^(off|(cron|rate)\(.+\))$"
# With the six characters that Secrets Manager adds to a name: a grant on the name alone matches nothing.
COMPLETE_ARN = r"^arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$"


class SettingsError(Exception):
    """The context holds a key that is unknown, or a value that does not fit it."""


def _parsed(value: object) -> object:
    """``cdk -c key=value`` hands over text, also where the setting is an object or a list."""
    return json.loads(value) if isinstance(value, str) else value


def _known(name: str) -> str:
    if name not in DATASETS:
        raise ValueError(f"no such dataset; there are {', '.join(DATASETS)}")
    return name


_FIRST_BACKUP, _BACKUP_MINUTES = 135, 240
"""The default schedules begin at 02:15 UTC, after RDS's own backup, and within four hours (infra/foundation/postgres.py)."""


def nightly(datasets: Collection[str]) -> dict[str, str]:
    """A daily schedule for each dataset, evenly spread, so that their backups do not compete for the database."""
    step = _BACKUP_MINUTES // max(len(datasets), 1)
    starts = {name: _FIRST_BACKUP + number * step for number, name in enumerate(sorted(datasets))}
    return {name: f"cron({start % 60} {start // 60} * * ? *)" for name, start in starts.items()}


DatasetName = Annotated[str, AfterValidator(_known)]


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, hide_input_in_errors=True
    )


class ExistingDatabase(_Model):
    """A PostgreSQL that the app uses instead of making one; its VPC must reach S3 (a gateway endpoint is free)."""

    host: str = Field(min_length=1)
    port: int = Field(5432, ge=1, le=65535)
    name: str = Field(min_length=1)
    secret_arn: str = Field(
        pattern=COMPLETE_ARN, description="secret {username, password} of a role that may create roles"
    )
    vpc_id: str = Field(pattern=r"^vpc-[0-9a-f]{8,}$")
    availability_zones: list[str] = Field(min_length=1)
    subnet_ids: list[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,}$")]] = Field(min_length=1)
    security_group_id: str = Field(
        pattern=r"^sg-[0-9a-f]{8,}$", description="the database's own; the functions are let in to it"
    )
    resource_id: str | None = Field(
        None, pattern=r"^(db|cluster)-", description="RDS's DbiResourceId, which rds-db:connect is granted on"
    )


class UsagePlan(_Model):
    """What each key of a kind may ask for; beyond it the answer is 429."""

    rate: float = Field(100, gt=0, le=10_000, description="requests a second, sustained")
    burst: int = Field(200, ge=1, le=5_000, description="requests at once")
    daily_requests: int = Field(1_000_000, ge=1)


class UsagePlans(_Model):
    """The limits by kind of key."""

    reader: UsagePlan = UsagePlan()
    writer: UsagePlan = UsagePlan()
    operator: UsagePlan = UsagePlan()


class Settings(_Model):
    """All settings of one deployment, with the defaults of the stage filled in."""

    stage: Literal["dev", "prod"] = "dev"
    target: Literal["aws", "local"] = "aws"
    auth: Literal["iam", "secret"]
    existing_database: Annotated[ExistingDatabase, BeforeValidator(_parsed)] | None = None

    instance_class: str = Field(
        pattern=r"^[a-z0-9]+\.[a-z0-9]+$", description="without `db.`, such as t4g.micro"
    )
    keep_instance_class: bool = Field(
        False,
        description="an instance that exists keeps its class; instanceClass sets the class all the same",
    )
    multi_az: bool
    storage_gigabytes: int = Field(ge=20)
    max_storage_gigabytes: int = Field(ge=22, description="where storage autoscaling stops")
    backup_retention_days: int = Field(ge=1, le=35)

    chunk_megabytes: int = Field(
        CHUNK_MEGABYTES, ge=1, le=256, description="how much of a CSV one load step takes"
    )
    load_concurrency: int = Field(ge=1, le=1000, description="load steps at once; each holds a connection")
    migration_hours: int = Field(24, ge=1, le=8760, description="after which a migration counts as hung")

    backup_schedule: str | None = Field(
        None,
        pattern=SCHEDULE,
        description="UTC; for each dataset that backupSchedules does not name. By default daily, one after another",
    )
    backup_schedules: Annotated[
        dict[DatasetName, Annotated[str, Field(pattern=SCHEDULE)]], BeforeValidator(_parsed)
    ] = {}
    backup_alarm_hours: int = Field(
        26,
        ge=2,
        le=167,
        description="how old the newest verified backup may be; an alarm looks back a week at most",
    )
    backup_keep_count: int = Field(
        BACKUP_KEEP_COUNT, ge=1, description="how many of the newest backups stay whatever their age"
    )
    backup_keep_days: int = Field(BACKUP_KEEP_DAYS, ge=1, description="how long every backup stays")
    safety_keep_days: int = Field(
        SAFETY_KEEP_DAYS, ge=1, description="how long what a restore has replaced stays"
    )
    backup_part_megabytes: int = Field(
        BACKUP_PART_MEGABYTES,
        ge=1,
        le=1024,
        description="how much of a table, as PostgreSQL stores it, one file holds",
    )
    backup_concurrency: int = Field(
        ge=1, le=1000, description="files written or read at once; each holds a connection"
    )
    export_concurrency: int = Field(
        EXPORT_CONCURRENCY,
        ge=1,
        le=100,
        description="exports at once; each holds a connection and a function's execution",
    )
    max_connections: int | None = Field(
        None, ge=50, description="how many connections of an existing database are ours; all by default"
    )
    backup_hours: int = Field(24, ge=1, le=8760, description="after which a backup counts as hung")
    verify_restore_megabytes: int = Field(
        TRIAL_RESTORE_MEGABYTES,
        ge=0,
        le=100_000,
        description="up to which size a backup is also restored when it is verified",
    )
    glue_database: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]{0,99}$",
        description="show the newest verified backup as tables of Glue databases <this>_<dataset>, made for it",
    )
    backup_lock_days: int | None = Field(
        None, ge=1, le=36_500, description="S3 Object Lock: for so long nobody deletes a backup's objects"
    )

    usage_plans: Annotated[UsagePlans, BeforeValidator(_parsed)] = UsagePlans()
    api_rate: float = Field(
        500, gt=0, le=10_000, description="requests a second to one route, all callers together"
    )
    api_burst: int = Field(500, ge=1, le=5_000)
    api_log_role: bool = Field(True, description="set the role with which the account's APIs write logs")
    restore_api: bool = Field(False, description="offer POST /v1/restores; reading about restores always is")
    rejection_alarm_percent: int = Field(10, ge=1, le=100, description="of the records of five minutes")

    bastion: bool = Field(
        False, description="a way to the database for `dataforge connect`; stopped, it costs its disk"
    )

    log_retention_days: Annotated[Literal[7, 30, 90, 365, 3653], BeforeValidator(_parsed)]
    alarm_email: str | None = Field(None, pattern=r"^[^@\s]+@[^@\s]+$")
    tags: Annotated[dict[str, str], BeforeValidator(_parsed)] = {}

    @property
    def scheduled_backups(self) -> dict[str, str]:
        """The schedule expression of each dataset that has one."""
        common = dict.fromkeys(DATASETS, self.backup_schedule) if self.backup_schedule else nightly(DATASETS)
        wanted = {name: self.backup_schedules.get(name) or common[name] for name in DATASETS}
        return {name: expression for name, expression in wanted.items() if expression != "off"}

    @property
    def stack_name(self) -> str:
        return f"DataForge-{self.stage}"

    @property
    def budget(self) -> Budget:
        """What the limits of the logins' connections are computed from."""
        return Budget(self.load_concurrency, self.backup_concurrency, self.export_concurrency)

    @property
    def instance_name(self) -> str:
        """The database instance has a name, so that CloudFormation refuses any change that would replace it."""
        return self.stack_name.lower()

    @property
    def production(self) -> bool:
        return self.stage == "prod"

    @property
    def local(self) -> bool:
        return self.target == "local"


DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "dev": {
        "instanceClass": "t4g.small",
        "keepInstanceClass": True,
        "multiAz": False,
        "storageGigabytes": 20,
        "maxStorageGigabytes": 100,
        "backupRetentionDays": 7,
        "loadConcurrency": 4,
        "backupConcurrency": 4,
        "logRetentionDays": 30,
    },
    "prod": {
        "instanceClass": "m7g.large",
        "multiAz": True,
        "storageGigabytes": 100,
        "maxStorageGigabytes": 2000,
        "backupRetentionDays": 35,
        "loadConcurrency": 10,
        "backupConcurrency": 10,
        "logRetentionDays": 365,
    },
}
"""The stage decides what its data is worth and what it may cost."""

LOCAL = {
    "auth": "secret",
    "loadConcurrency": 2,
    "backupConcurrency": 2,
    "backupSchedule": "off",
    "restoreApi": True,
}
"""The embedded cloud: no IAM tokens in PostgreSQL, few cores, and nothing that a program must not restore."""


def read_settings(context: Mapping[str, Any]) -> Settings:
    """The settings in a CDK context; the CDK's own keys in it (``@aws-cdk/…``, ``aws:cdk:…``) are passed over.

    Raises ``SettingsError`` naming every key that is wrong.
    """
    given = {key: value for key, value in context.items() if not key.startswith("@") and ":" not in key}
    defaults = {"auth": "iam", **DEFAULTS.get(str(given.get("stage", "dev")), DEFAULTS["dev"])}
    if "instanceClass" in given:
        given["keepInstanceClass"] = False
    if given.get("target") == "local":
        defaults |= LOCAL
    try:
        settings = Settings.model_validate({**defaults, **given})
    except ValidationError as error:
        raise SettingsError(_readable(error)) from error
    _check_together(settings)
    return settings


def _check_together(settings: Settings) -> None:
    database = settings.existing_database
    if database and settings.auth == "iam" and not database.resource_id:
        raise SettingsError(
            "existingDatabase.resourceId is missing: auth=iam grants rds-db:connect on it. Give it, or set auth=secret."
        )
    if settings.max_storage_gigabytes * 10 < settings.storage_gigabytes * 11:
        raise SettingsError(
            "maxStorageGigabytes must be at least 10 % above storageGigabytes (a rule of RDS)."
        )
    if settings.backup_hours > most_backup_hours():
        raise SettingsError(
            f"backupHours must be at most {most_backup_hours()}: a backup that runs for longer could exceed the 25,000"
            " events that Step Functions keeps of an execution. A larger backupConcurrency makes it shorter."
        )
    if settings.bastion and (settings.existing_database or settings.local):
        raise SettingsError(
            "bastion is for the database that the app makes on AWS. An existing database is reached as its owner reaches it,"
            " the embedded one at its port of this machine."
        )
    _check_connections(settings)


def _check_connections(settings: Settings) -> None:
    """An existing database's number is known when the schema is applied, unless it is given."""
    budget = settings.budget
    if settings.existing_database is None and settings.max_connections is not None:
        raise SettingsError("maxConnections is for an existingDatabase: RDS sets it by the instanceClass.")
    try:
        if settings.max_connections is not None:
            budget.limits(settings.max_connections, "the setting maxConnections")
        elif settings.existing_database is None and not settings.local:
            known = connections_of(settings.instance_class)
            budget.limits(known, f"instanceClass {settings.instance_class}")
    except TooFewConnections as error:
        raise SettingsError(str(error)) from None


def _readable(error: ValidationError) -> str:
    return "The CDK context is wrong.\n" + "\n".join(f"  {_line(item)}" for item in error.errors())


def _line(item: Any) -> str:
    name = ".".join(map(str, item["loc"]))
    if item["type"] != "extra_forbidden":
        return f"{name}: {item['msg']}"
    known = [to_camel(field) for field in _model_at(item["loc"][:-1]).model_fields]
    likely = get_close_matches(str(item["loc"][-1]), known, n=1)
    hint = f"did you mean {likely[0]}?" if likely else f"known keys: {', '.join(sorted(known))}"
    return f"{name}: no such setting; {hint}"


def _model_at(path: tuple[str | int, ...]) -> type[_Model]:
    """The model that the keys below ``path`` belong to."""
    match path:
        case ("existingDatabase",):
            return ExistingDatabase
        case ("usagePlans",):
            return UsagePlans
        case ("usagePlans", _):
            return UsagePlan
    return Settings
