"""Reading settings: defaults of the stage, rules between settings, and errors that name each wrong key."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from dataforge.errors import TooFewConnections
from dataforge.postgres.connection_budget import connections_of
from infra.settings.defaults import DEFAULTS, LOCAL
from infra.settings.models import ExistingDatabase, Model, UsagePlan, UsagePlans
from infra.settings.settings import Settings
from infra.workflow.history import most_backup_hours


class SettingsError(Exception):
    """The context contains an unknown key or an invalid value."""


def read_settings(context: Mapping[str, Any]) -> Settings:
    """Return the settings in a CDK context, ignoring the CDK's own keys (``@aws-cdk/…``, ``aws:cdk:…``).

    Raises ``SettingsError``, which names every wrong key.
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
    if settings.existing_database and "postgresVersion" in given:
        raise SettingsError(
            "postgresVersion is for the database that the app creates; an existingDatabase has its own."
        )
    _check_database(settings)
    _check_backup_hours(settings)
    _check_connections(settings)
    _check_reports(settings)
    return settings


def _check_reports(settings: Settings) -> None:
    days = settings.report_keep_days
    if days is not None and days < settings.rejection_days:
        raise SettingsError(
            f"reportKeepDays must be at least rejectionDays ({settings.rejection_days}): a replay of rejections reads lists "
            "of the run."
        )


def _check_database(settings: Settings) -> None:
    database = settings.existing_database
    if database and settings.auth == "iam" and not database.resource_id:
        raise SettingsError(
            "existingDatabase.resourceId is missing: with auth=iam, rds-db:connect is granted on it. Set it, or auth=secret."
        )
    if settings.max_storage_gigabytes * 10 < settings.storage_gigabytes * 11:
        raise SettingsError(
            "maxStorageGigabytes must be at least 10 % above storageGigabytes (a rule of RDS)."
        )
    if settings.bastion and (database or settings.local):
        raise SettingsError(
            "bastion is for the database that the app creates on AWS. Connect to an existing database as its owner does,"
            " and to the embedded one at its port on this machine."
        )


def _check_backup_hours(settings: Settings) -> None:
    if settings.backup_hours > most_backup_hours():
        raise SettingsError(
            f"backupHours must be at most {most_backup_hours()}: a longer backup could exceed the 25,000 events that"
            " Step Functions allows in the history of an execution. A larger backupConcurrency makes backups shorter."
        )


def _check_connections(settings: Settings) -> None:
    """Check the budget of connections. Without maxConnections, that of an existing database is checked at deployment."""
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
    return "The CDK context is invalid.\n" + "\n".join(f"  {_line(item)}" for item in error.errors())


def _line(item: Any) -> str:
    name = ".".join(map(str, item["loc"]))
    if item["type"] != "extra_forbidden":
        return f"{name}: {item['msg']}"
    known = [to_camel(field) for field in _model_at(item["loc"][:-1]).model_fields]
    likely = get_close_matches(str(item["loc"][-1]), known, n=1)
    hint = f"did you mean {likely[0]}?" if likely else f"known keys: {', '.join(sorted(known))}"
    return f"{name}: no such setting; {hint}"


def _model_at(path: tuple[str | int, ...]) -> type[Model]:
    """Return the model of the keys below a path."""
    match path:
        case ("existingDatabase",):
            return ExistingDatabase
        case ("usagePlans",):
            return UsagePlans
        case ("usagePlans", _):
            return UsagePlan
    return Settings
