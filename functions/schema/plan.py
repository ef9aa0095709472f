"""Plan the deployment of a catalogue that was sent as data: compute its statements, without executing one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dataforge.errors import InvalidInput, SchemaRefused
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Dataset
from dataforge.tables.structure import Structure, describe, rebuild
from functions.schema.apply.dataset import plan_dataset
from functions.schema.apply.statement import Statement, Step
from functions.schema.apply.subject import Outcome
from functions.schema.difference import Shape, shapes
from functions.schema.size import LARGE_ROWS

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


def read_catalogue(document: Any) -> list[Dataset]:
    """The datasets of a document of ``dataforge.tables.structure``. Raises ``InvalidInput``."""
    try:
        structure = Structure.model_validate(document)
        return [rebuild(dataset) for dataset in structure.datasets]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"The catalogue is not valid at {where}: {first['msg']}.") from None
    except ValueError as error:
        raise InvalidInput(
            f"The catalogue is not valid: {error}.",
            hint="Use the command line of the deployed version, or deploy without a plan.",
        ) from None


def plan(
    db: Connection, scratch: Connection, datasets: list[Dataset], large_rows: int = LARGE_ROWS
) -> dict[str, Any]:
    """The statements that a deployment of ``datasets`` would execute, its refusals and its fingerprint.

    ``db`` only reads: its transaction is READ ONLY. ``scratch`` creates the declared tables in a schema that is rolled back.
    """
    with transaction(db) as cursor, transaction(scratch) as writer:
        cursor.execute("SET TRANSACTION READ ONLY")
        writer.execute("SET TRANSACTION READ WRITE")
        for each in (cursor, writer):
            each.execute(Sql("SET LOCAL ROLE {}").format(ident(OWNER)))
        outcome = Outcome(large_rows)
        for dataset in datasets:
            plan_dataset(cursor, dataset, outcome, writer)
        return {
            "fingerprint": fingerprint(cursor, datasets, outcome),
            "statements": [_report(s) for s in sorted(outcome.statements, key=lambda each: each.step)],
            "later": [_report(statement) for statement in outcome.pending],
            "refusals": outcome.refusals,
        }


def _report(statement: Statement) -> dict[str, Any]:
    return {
        "table": statement.table,
        "sql": str(statement.sql),
        "blocks": statement.lock.value,
        "also_blocks": list(statement.parents),
        "work": statement.work.value,
        "rows": statement.rows,
        "bytes": statement.size,
    }


def fingerprint(cursor: Cursor, datasets: Iterable[Dataset], outcome: Outcome) -> str:
    """``catalogue.database``: two digests, so that a difference shows which of both has changed.

    The second covers the definitions of the datasets' tables and the statements. Grants and comments are not part of it.
    """
    chosen = list(datasets)
    catalogue = [describe(dataset).model_dump(mode="json", exclude_defaults=True) for dataset in chosen]
    state = {dataset.name: _state(shapes(cursor, dataset.name)) for dataset in chosen}
    statements = [[s.table, s.sql] for s in outcome.statements if s.step < Step.COMPLETE]
    return f"{_digest(catalogue)}.{_digest([state, statements, outcome.later])}"


def _state(found: dict[str, Shape]) -> dict[str, Any]:
    return {name: asdict(shape) for name, shape in found.items()}


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def require_planned(cursor: Cursor, planned: str, datasets: Iterable[Dataset], outcome: Outcome) -> None:
    """Refuse a deployment whose catalogue or database is not the plan's, and record the plan.

    A plan that was applied before is accepted for its catalogue: CloudFormation repeats it in a rollback.
    """
    found = fingerprint(cursor, datasets, outcome)
    catalogue = found.partition(".")[0]
    cursor.execute("SELECT FROM dataforge.schema_plans WHERE fingerprint = %s", (planned,))
    if planned == found or (cursor.fetchone() is not None and planned.startswith(f"{catalogue}.")):
        cursor.execute(
            "INSERT INTO dataforge.schema_plans (fingerprint) VALUES (%s) ON CONFLICT DO NOTHING", (planned,)
        )
        return
    changed = "the database" if planned.startswith(f"{catalogue}.") else "the catalogue"
    raise SchemaRefused(
        f"The schema was not changed: {changed} has changed since the plan {planned} was made.",
        hint="Run dataforge plan again, and deploy with its fingerprint.",
    )
