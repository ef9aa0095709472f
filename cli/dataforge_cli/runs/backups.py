"""Find and show backups, and follow their runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from dataforge.backups import listing
from dataforge.backups.listing import Summary
from dataforge.runs.ids import LATEST, time_of
from dataforge.runs.results.backup import BackupOutput
from dataforge.s3.keys import PARQUET, backup_folder
from dataforge.tables.datasets import DATASETS, get_dataset
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.executions import Execution
from dataforge_cli.aws.machines import BACKUP
from dataforge_cli.call import Call
from dataforge_cli.errors import UnknownBackup
from dataforge_cli.output.tables import backup_table, size
from dataforge_cli.runs.watch import watch_phases

BUCKET = "backup_bucket"


def list_backups(deployment: Deployment, dataset: str) -> list[Summary]:
    """Return the backups of a dataset ("": of all), newest first. Raises the catalogue's ``InvalidInput``."""
    locations = listing.find_locations(deployment.s3, deployment[BUCKET], _datasets(dataset))
    return list(listing.summaries(deployment.s3, deployment[BUCKET], locations, deployment.verifier))


def find_backup(deployment: Deployment, dataset: str, word: str) -> Summary:
    """Return the backup with this id; ``latest``: the newest signed one that is not a safety
    backup. Raises ``UnknownBackup``."""
    s3, bucket, verifier = deployment.s3, deployment[BUCKET], deployment.verifier
    if word == LATEST:
        locations = listing.find_locations(s3, bucket, _datasets(dataset))
        found = next(
            (
                one
                for one in listing.summaries(s3, bucket, locations, verifier)
                if one.kind == "backup" and one.signed
            ),
            None,
        )
    else:
        known = _datasets(dataset) if time_of(word) else ()
        found = next((b for name in known if (b := listing.read(s3, bucket, (word, name), verifier))), None)
    if found is None:
        raise UnknownBackup(word, dataset, deployment.name)
    return found


def _datasets(dataset: str) -> Iterable[str]:
    return [get_dataset(dataset).name] if dataset else DATASETS


def show_backup(call: Call, execution: Execution) -> None:
    """Print the result of an execution that made or verified a backup. Raises ``ExecutionFailed``."""
    if execution.failure:
        raise execution.failure
    if execution.output is None:
        heading = f"Backup {execution.name} has been running since {execution.started:%Y-%m-%d %H:%M:%S}."
        written = _written(call.deployment, execution)
        call.screen.answer(
            {"status": "running", "execution": execution.arn}, heading, *filter(None, [written])
        )
        return
    output = execution.output
    found = find_backup(
        call.deployment, _dataset_of(execution), BackupOutput.model_validate(output).backup_id
    )
    call.screen.answer(output | {"execution": execution.arn}, in_short(found), backup_table(found))


def in_short(found: Summary) -> str:
    """Describe a backup."""
    kind = "Backup" if found.kind == "backup" else f"{found.kind.title()} backup"
    return (
        f"{kind} {found.id} of {found.dataset}, as of {found.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC:"
        f" {found.rows:,} rows, {size(found.size)}, {verdict(found)}."
    )


def verdict(found: Summary) -> str:
    """Describe the verification of a backup."""
    if found.faults:
        return f"damaged: {'; '.join(found.faults)}"
    return ("" if found.signed else "not signed, ") + ("verified" if found.verified else "not verified")


def age(found: Summary) -> str:
    """Format the age of a backup in its largest unit."""
    seconds = int((datetime.now(UTC) - found.created_at).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{max(seconds, 0)} s"


def _written(deployment: Deployment, execution: Execution) -> str:
    """Describe the files that a running backup has written, or return nothing if its folder is unknown."""
    if not time_of(execution.name) or "verify_only" in execution.input:
        return ""
    prefix = backup_folder(_dataset_of(execution), execution.name)
    pages = deployment.s3.get_paginator("list_objects_v2").paginate(Bucket=deployment[BUCKET], Prefix=prefix)
    files = (item for page in pages for item in page.get("Contents", []))
    sizes = [file["Size"] for file in files if file["Key"].endswith(PARQUET)]
    return f"{len(sizes):,} file(s), {size(sum(sizes))} written" if sizes else ""


def _dataset_of(execution: Execution) -> str:
    return str(execution.input.get("dataset", ""))


def watch_backup(deployment: Deployment, arn: str, screen: Any) -> Execution:
    """Show the phase of a backup and its written files."""
    return watch_phases(BACKUP, lambda execution: _written(deployment, execution))(deployment, arn, screen)
