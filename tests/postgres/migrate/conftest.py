"""A migration as the state machine runs it, step by step in this process: real PostgreSQL, moto's S3."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
import psycopg2
import pytest
from moto import mock_aws

from dataforge.errors import DataForgeError, NoLongerKnown, TargetChanged, WorkContinues
from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import LOAD, LOGINS, MIGRATE, MIGRATION_RUN
from dataforge.postgres.sql import ident
from dataforge.runs.unattended.work import Unattended
from dataforge.settings import MigrationSettings
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from functions.migrate.handler import fail
from functions.migrate.lifecycle.begin import begin
from functions.migrate.load.load import load_chunk
from functions.migrate.plan.plan import plan
from functions.migrate.publish.publish import publish
from functions.migrate.reconcile.reconcile import reconcile
from functions.migrate.report.report import report
from functions.migrate.resolve.choose import LEAST_BYTES
from functions.migrate.resolve.resolve import resolve
from functions.migrate.run.work_items import LoadItem, ScanItem
from functions.migrate.scan.cut import cut
from functions.migrate.scan.scan import scan_range
from functions.schema.apply.apply import apply

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

RAW, REPORT = "raw", "report"
STEPS = ("begin", "plan", "scan", "cut", "load", "settle", "reconcile", "publish", "report")
ATTENDED = os.environ.get("TESTS_ATTENDED_SECONDS")
"""How long the steps of all runs wait for PostgreSQL, for which they do as much as possible then."""
_executions = itertools.count(1)


@dataclass
class Migration:
    """One execution; ``run`` runs all steps as the state machine does, or a test runs them one by one.

    ``may_know``: whether tables may be known. By default all rows are loaded, also of files that were loaded before.
    """

    forge: Forge
    document: Any
    settings: MigrationSettings
    control: Connection
    worker: Connection
    execution: str = field(
        default_factory=lambda: f"arn:aws:states:::execution:migration:run-{next(_executions)}"
    )
    id: str = ""
    waves: list[list[str]] = field(default_factory=list)
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)
    rebuild_from: int = LEAST_BYTES
    attended_seconds: float | None = float(ATTENDED) if ATTENDED else None
    may_know: bool = False

    @property
    def how(self) -> Unattended | None:
        """How PostgreSQL completes the work of this call."""
        if self.attended_seconds is None:
            return None
        deadline = time.monotonic() + self.attended_seconds
        return Unattended(lambda: self.forge.database.connect(MIGRATE), MIGRATION_RUN, 0, deadline)

    def run(self, **before: Callable[[], Any]) -> dict[str, Any]:
        """Run all steps; ``before`` is called before a step. Returns the report's result; failures are abandoned."""
        try:
            answers: list[dict[str, Any]] = [self.take(step, before.get(step)) for step in STEPS]
        except DataForgeError as error:
            caught = {"Error": error.code, "Cause": json.dumps({"errorMessage": str(error)})}
            self.failure = dict(fail(self.control, self.forge.s3, self.settings, self.execution, caught))
            raise
        return answers[-1]

    def until(self, last: str) -> Migration:
        """Run the steps up to, not including, this one."""
        for step in STEPS[: STEPS.index(last)]:
            self.take(step)
        return self

    def take(self, step: str, before: Callable[[], Any] | None = None) -> Any:
        """Run one step and, if the target changed, the steps with which the state machine continues."""
        if before is not None:
            before()
        try:
            return getattr(self, step)()
        except WorkContinues:
            return self.take(step)
        except (TargetChanged, NoLongerKnown) as error:
            if isinstance(error, NoLongerKnown):
                self.cut()
                self.load()
            self.take("settle")
            self.reconcile()
            return self.take(step)

    def stop(self) -> None:
        """End the execution from outside."""
        fail(self.control, self.forge.s3, self.settings, self.execution, {"Error": "Stopped", "Cause": ""})

    def begin(self, dead: str = "") -> str:
        started = "2026-11-22T10:00:00.123Z"
        answer = begin(self.control, self.execution, started, self.document, dead)
        self.id = answer["migration_id"]
        return answer["holder"]

    def plan(self) -> None:
        if not self.may_know:
            with transaction(self.control, role=MIGRATION_RUN) as cursor:
                cursor.execute("DELETE FROM dataforge.known_runs")
        answer = plan(self.control, self.forge.s3, self.settings, self.id)
        self.waves, self.items["scan"] = answer["waves"], self.forge.read_json(answer["scan"]["key"])
        assert answer["scan"]["count"] == len(self.items["scan"])

    def scan(self) -> None:
        for item in self.items["scan"]:
            scan_range(self.worker, self.forge.s3, ScanItem.model_validate(item))

    def cut(self) -> None:
        answer = cut(self.control, self.forge.s3, self.settings, self.id)
        self.items["load"] = self.forge.read_json(answer["key"])
        assert answer["count"] == len(self.items["load"])

    def load(self) -> None:
        # Workers finish in any order.
        for item in reversed(self.items["load"]):
            load_chunk(self.worker, self.forge.s3, self.settings, LoadItem.model_validate(item))

    def settle(self) -> None:
        for table in itertools.chain.from_iterable(self.waves):
            resolve(self.control, self.forge.s3, self.settings, self.id, table, self.rebuild_from, self.how)

    def reconcile(self) -> dict[str, Any]:
        return reconcile(self.control, self.forge.s3, self.id, self.how)

    def publish(self) -> dict[str, str]:
        return publish(self.control, self.id, self.execution, self.how)

    def report(self) -> dict[str, Any]:
        return report(self.control, self.forge.s3, self.settings, self.id).document()


@dataclass
class Forge:
    """A database and the buckets, with the operations that tests need."""

    database: Database
    s3: S3Client

    def put(self, prefix: str = "olist/", /, **files: bytes) -> None:
        """Upload the file of each table or flat file, by its name without ``.csv`` or by its table."""
        names = {t.name: t.file for d in DATASETS.values() for t in d.tables.values()}
        for name, body in files.items():
            self.s3.put_object(Bucket=RAW, Key=f"{prefix}{names.get(name) or name + '.csv'}", Body=body)

    def migration(self, document: Any = None, chunk_bytes: int = 1 << 20) -> Migration:
        """A migration, not begun."""
        more = {"raw_bucket": RAW, "report_bucket": REPORT, "chunk_bytes": chunk_bytes}
        settings = MigrationSettings.model_validate(self.database.settings(MIGRATE).model_dump() | more)
        return Migration(self, document or {}, settings, self.connection(MIGRATE), self.connection(LOAD))

    def connection(self, role: str) -> Connection:
        """The database's warm connection of a role."""
        known = self.database.warm.get(role)
        if known is None or known.closed:
            known = self.database.warm[role] = self.database.connect(role)
        return known

    def migrate(self, chunk_bytes: int = 1 << 20, **document: Any) -> dict[str, dict[str, int]]:
        """Run a migration; the counts by table."""
        return {t.pop("table"): t for t in self.migration(document, chunk_bytes).run()["tables"]}

    def read_json(self, key: str) -> Any:
        """A document of the report bucket."""
        return json.loads(self.s3.get_object(Bucket=REPORT, Key=key)["Body"].read())

    def rows(self, table: str, dataset: str = "olist") -> list[str]:
        """The texts of a table's rows, sorted."""
        text = ddl.row_text_sql(DATASETS[dataset].table(table))
        return sorted(row for (row,) in self.database.query(f"SELECT {text} FROM {dataset}.{table}"))

    def rejections(self, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of all rejections, sorted; the codes of one are ``codes``."""
        codes = "(SELECT string_agg(e->>'code', ' ' ORDER BY e->>'code') FROM jsonb_array_elements(errors) e)"
        names = ", ".join(
            codes if c == "codes" else "raw #>> '{}'" if c == "raw" else f'"{c}"' for c in columns
        )
        return sorted(self.database.query(f"SELECT {names} FROM dataforge.rejections"), key=str)


@pytest.fixture(scope="module")
def client() -> Iterator[S3Client]:
    """The S3 client. Creating one takes longer than most tests."""
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def s3(client: S3Client) -> S3Client:
    """S3 with empty buckets."""
    for bucket in (RAW, REPORT):
        client.create_bucket(Bucket=bucket)
        for item in client.list_objects_v2(Bucket=bucket).get("Contents", ()):
            client.delete_object(Bucket=bucket, Key=item["Key"])
    return client


@pytest.fixture
def forge(database: Database, s3: S3Client) -> Forge:
    """A database with the catalogue applied, and empty buckets."""
    return Forge(database, s3)


@pytest.fixture
def another_forge(another_database: Callable[[], Database], s3: S3Client) -> Callable[[], Forge]:
    """Return a function that creates further ones with the same buckets."""
    return lambda: Forge(another_database(), s3)


@pytest.fixture
def used_forge(module_database: Database, s3: S3Client) -> Forge:
    """A database in which other tests of the module have run migrations, and empty buckets."""
    return Forge(module_database, s3)


@pytest.fixture
def declare(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Forge]]:
    """Make a module of these row models and settings a dataset of the database, whose schema is dropped after the test."""
    declared = set()

    def declare(name: str, **members: Any) -> Forge:
        module = ModuleType(name)
        vars(module).update(members)
        dataset = read_dataset(module)
        monkeypatch.setitem(DATASETS, dataset.name, dataset)
        declared.add(dataset.name)
        # The others are in the template.
        apply(forge.database.connect("master"), dict.fromkeys(LOGINS, "for the tests"), [dataset])
        return forge

    yield declare
    # The database can then be used again. If another session holds a lock, it is not.
    forge.database.close()
    for name in declared:
        with suppress(psycopg2.errors.LockNotAvailable):
            forge.database.query(f"SET lock_timeout = '2s'; DROP SCHEMA IF EXISTS {ident(name)} CASCADE")
