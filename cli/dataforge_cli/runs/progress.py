"""Progress of a migration, read from objects in the report bucket and the history of its execution."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from dataforge.runs.phases import AFTER_LOAD
from dataforge.runs.progress import LoadedChunk, LoadedSums, Plan
from dataforge.s3.keys import progress_folder, progress_plan_key
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.failures import error_code
from dataforge_cli.aws.machines import MIGRATION

_RECENT_EVENTS = 100


@dataclass(frozen=True)
class TableProgress:
    """Bytes of a table (rows for Parquet), total and loaded; rows read and rejected so far, before the resolve step."""

    table: str
    bytes: int
    loaded_bytes: int
    read: int
    rejected: int


@dataclass(frozen=True)
class Progress:
    """``phase`` is empty before the first phase of the machine, and ``tables`` before the run is planned."""

    phase: str
    migration_id: str
    tables: tuple[TableProgress, ...]


def read_plan(deployment: Deployment, execution: str) -> Plan | None:
    """Return the plan of the execution with this name, or None before it is planned and after it has expired."""
    try:
        answer = deployment.s3.get_object(
            Bucket=deployment["report_bucket"], Key=progress_plan_key(execution)
        )
    except ClientError as error:
        if error_code(error) == "NoSuchKey":
            return None
        raise
    return Plan.model_validate_json(answer["Body"].read())


def read_progress(deployment: Deployment, arn: str, plan: Plan | None) -> Progress:
    """Return the progress of the execution; ``plan`` is its plan, if it has one."""
    phase = read_phase(deployment, arn, MIGRATION.phases)
    if plan is None:
        return Progress(phase, "", ())
    chunks = _read_chunks(deployment, progress_folder(arn))
    done = phase in AFTER_LOAD
    return Progress(phase, plan.migration_id, tuple(count(plan, chunks, loaded=done)))


def read_phase(deployment: Deployment, arn: str, phases: Iterable[str]) -> str:
    """Return the latest of ``phases`` that the execution has entered."""
    history = deployment.states.get_execution_history(
        executionArn=arn, reverseOrder=True, maxResults=_RECENT_EVENTS, includeExecutionData=False
    )
    for event in history["events"]:
        name = event.get("stateEnteredEventDetails", {}).get("name", "")
        for phase in phases:
            if name.startswith(phase):
                return phase
    return ""


def _read_chunks(deployment: Deployment, prefix: str) -> list[str]:
    """Return the names of the progress objects of loaded chunks, without the prefix."""
    pages = deployment.s3.get_paginator("list_objects_v2").paginate(
        Bucket=deployment["report_bucket"], Prefix=prefix
    )
    return [item["Key"].removeprefix(prefix) for page in pages for item in page.get("Contents", [])]


def count(plan: Plan, names: Iterable[str], *, loaded: bool) -> list[TableProgress]:
    """Return the progress per planned table, from the names of the objects below the progress folder.

    ``loaded``: all chunks are loaded. A worker may end after its commit and before it writes its object.
    """
    sums = {table: plan.loaded.get(table, LoadedSums()) for table in plan.bytes}
    for chunk in filter(None, map(LoadedChunk.parse, names)):
        if (before := sums.get(chunk.table)) is not None:
            sums[chunk.table] = LoadedSums(
                before.bytes + chunk.bytes, before.read + chunk.read, before.rejected + chunk.rejected
            )
    return [
        TableProgress(table, size, size if loaded else min(done, size), read, rejected)
        for table, size in plan.bytes.items()
        for done, read, rejected in [sums[table]]
    ]


def as_document(progress: Progress) -> dict[str, Any]:
    """Return the JSON document: phase, and per table the fields of ``TableProgress``."""
    return {"phase": progress.phase, "tables": [vars(table) for table in progress.tables]}
