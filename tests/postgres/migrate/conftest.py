"""A migration as the state machine runs it, step by step in this process: real PostgreSQL, moto's S3."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from psycopg2.extensions import connection

from dataforge import ddl
from dataforge.catalogue import Column
from dataforge.datasets import DATASETS
from dataforge.errors import DataForgeError, TargetChanged
from dataforge.roles import LOAD, MIGRATE
from dataforge.settings import MigrationSettings
from functions.migrate.abandon import abandon
from functions.migrate.begin import begin
from functions.migrate.load import LoadItem, ScanItem, load_chunk, scan_range
from functions.migrate.plan import cut, plan
from functions.migrate.publish import publish, reconcile
from functions.migrate.report import report
from functions.migrate.settle import settle

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

RAW, REPORT = "raw", "report"
STEPS = ("begin", "plan", "scan", "cut", "load", "settle", "reconcile", "publish", "report")
_executions = itertools.count(1)


@dataclass
class Migration:
    """One execution; ``run`` takes all steps as the state machine does, or a test takes them one by one."""

    forge: Forge
    document: Any
    settings: MigrationSettings
    control: connection
    worker: connection
    execution: str = field(
        default_factory=lambda: f"arn:aws:states:::execution:migration:run-{next(_executions)}"
    )
    id: str = ""
    waves: list[list[str]] = field(default_factory=list)
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)

    def run(self, **before: Callable[[], Any]) -> dict[str, Any]:
        """All steps; ``before`` is what happens right before a step. Returns the report's result; failures are abandoned."""
        try:
            return [self.take(step, before.pop(step, None)) for step in STEPS][-1]
        except DataForgeError as error:
            caught = {"Error": type(error).__name__, "Cause": json.dumps({"errorMessage": str(error)})}
            self.failure = dict(abandon(self.control, self.forge.s3, self.settings, self.execution, caught))
            raise

    def until(self, last: str) -> Migration:
        """Take the steps up to, not including, this one."""
        for step in STEPS[: STEPS.index(last)]:
            self.take(step)
        return self

    def take(self, step: str, before: Callable[[], Any] | None = None) -> Any:
        """One step, and for a target that changed what the state machine then does."""
        if before is not None:
            before()
        try:
            return getattr(self, step)()
        except TargetChanged:
            self.settle()
            self.reconcile()
            return self.take(step)

    def begin(self, dead: str = "") -> str:
        started = "2026-11-22T10:00:00.123Z"
        answer = begin(self.control, self.execution, started, self.document, dead)
        self.id = answer["migration_id"]
        return answer["holder"]

    def plan(self) -> None:
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
            load_chunk(self.worker, self.forge.s3, LoadItem.model_validate(item))

    def settle(self) -> None:
        for table in itertools.chain.from_iterable(self.waves):
            settle(self.control, self.forge.s3, self.id, table)

    def reconcile(self) -> dict[str, Any]:
        return reconcile(self.control, self.id)

    def publish(self) -> dict[str, str]:
        return publish(self.control, self.id, self.execution)

    def report(self) -> dict[str, Any]:
        return report(self.control, self.forge.s3, self.settings, self.id)


@dataclass
class Forge:
    """A database, the buckets, and what tests ask of them."""

    database: Database
    s3: Any

    def put(self, prefix: str = "olist/", /, **files: bytes) -> None:
        """Upload the file of each table or flat file, by its name without ``.csv`` or by its table."""
        names = {t.name: t.file for d in DATASETS.values() for t in d.tables.values()}
        for name, body in files.items():
            self.s3.put_object(Bucket=RAW, Key=f"{prefix}{names.get(name) or name + '.csv'}", Body=body)

    def migration(self, document: Any = None, chunk_bytes: int = 1 << 20) -> Migration:
        """A migration with connections of its own, not begun."""
        settings = MigrationSettings(
            **self.database.settings(MIGRATE).model_dump(),
            raw_bucket=RAW,
            report_bucket=REPORT,
            chunk_bytes=chunk_bytes,
        )
        control, worker = self.database.connect(MIGRATE), self.database.connect(LOAD)
        return Migration(self, document or {}, settings, control, worker)

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


@pytest.fixture
def s3() -> Iterator[Any]:
    """S3 with empty buckets."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in (RAW, REPORT):
            client.create_bucket(Bucket=bucket)
        yield client


@pytest.fixture
def forge(database: Database, s3: Any) -> Forge:
    """A database with the catalogue applied, and empty buckets."""
    return Forge(database, s3)


@pytest.fixture
def another_forge(another_database: Callable[[], Database], s3: Any) -> Callable[[], Forge]:
    """Makes further ones, on the same buckets."""
    return lambda: Forge(another_database(), s3)


@pytest.fixture(scope="session")
def ident() -> Callable[[int], str]:
    """A number as 32 hex digits."""
    return "{:032x}".format


def usual(column: Column) -> str:
    """A valid value of the column; empty where it may be NULL."""
    if column.nullable or column.rule.choices:
        return "" if column.nullable else column.rule.choices[0]
    patterns = {r"^[0-9a-f]{32}$": f"{1:032x}", r"^[0-9]{5}$": "01037", r"^[A-Z]{2}$": "SP"}
    values = {
        "integer": "1",
        "numeric": "9.90",
        "double": "1.5",
        "timestamp": "2018-01-31 10:00:00",
        "text": "são paulo",
    }
    return patterns.get(column.rule.pattern or "", values[column.type.name])


@pytest.fixture(scope="session")
def make_csv() -> Callable[..., bytes]:
    """A table's CSV with a header, a line per row; rows name what is not usual, ids may be numbers."""

    def make(table_name: str, *rows: Mapping[str, Any], line_end: str = "\n") -> bytes:
        table, buffer = DATASETS["olist"].table(table_name), io.StringIO()
        writer = csv.writer(buffer, lineterminator=line_end)
        writer.writerow(table.column_names)
        for row in rows:
            assert row.keys() <= table.by_name.keys()
            values = {c.name: row.get(c.name, usual(c)) for c in table.columns}
            writer.writerow(
                f"{v:032x}" if isinstance(v, int) and table.by_name[n].type.name == "text" else v
                for n, v in values.items()
            )
        return buffer.getvalue().encode()

    return make
