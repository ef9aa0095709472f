"""A restore as the state machine runs it, in this process, with a real PostgreSQL and moto's S3."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dataforge.backups import manifest
from dataforge.backups.manifest import FileEntry, Kind, Manifest, Reference, TableEntry
from dataforge.backups.signatures import Signature
from dataforge.bulk import parquet
from dataforge.errors import DataForgeError, WorkContinues
from dataforge.postgres import ddl
from dataforge.postgres.roles import REFILL, RESTORE, RESTORE_RUN
from dataforge.postgres.sql import Sql
from dataforge.records.validate import content_hash
from dataforge.runs.unattended.work import Unattended
from dataforge.s3.keys import backup_folder
from dataforge.settings import RestoreSettings
from dataforge.tables.datasets import DATASETS
from functions.restore.begin import abandon, begin
from functions.restore.build import build, link
from functions.restore.check_backup import check_backup
from functions.restore.compare import check_restored, compare
from functions.restore.finish import finish, write_manifest
from functions.restore.load import FileItem, load_file
from functions.restore.safety_backup import PageRange, plan_safety_backup, save_pages
from functions.restore.select import select_older
from functions.restore.swap import swap
from tests.signing import Signer, sign

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

BACKUP, REPORT = "backup", "report"
ALWAYS_SWAP, NEVER_SWAP = 0, 10**9
STEPS = ("begin", "verify", "check", "load", "settle", "compare", "build", "link", "switch", "keep", "finish")
ATTENDED = os.environ.get("TESTS_ATTENDED_SECONDS")
"""How long the steps of all runs wait for PostgreSQL, for which they do as much as possible then."""
_numbers = itertools.count(1)


@dataclass
class Restore:
    """One execution; ``run`` runs all steps as the state machine does, or a test runs them one by one."""

    vault: Vault
    document: Any
    settings: RestoreSettings
    control: Connection
    worker: Connection
    execution: str = field(default_factory=lambda: f"arn:aws:states:::execution:restore:run-{next(_numbers)}")
    id: str = ""
    next: str = ""
    selected: dict[str, Any] = field(default_factory=dict)
    checked: dict[str, Any] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)
    attended_seconds: float | None = float(ATTENDED) if ATTENDED else None

    @property
    def how(self) -> Unattended | None:
        """How PostgreSQL completes the work of this call."""
        if self.attended_seconds is None:
            return None
        deadline = time.monotonic() + self.attended_seconds
        return Unattended(lambda: self.vault.database.connect(RESTORE), RESTORE_RUN, 0, deadline)

    def run(self, **before: Callable[[], Any]) -> dict[str, Any]:
        """Take all steps; ``before``: functions to call before a step. Returns the output; failures are abandoned."""
        answer: Any = None
        try:
            for step in STEPS:
                if step in before:
                    before[step]()
                answer = self.take(step)
        except DataForgeError as error:
            self.fail(error)
            raise
        return dict(answer)

    def fail(self, error: Exception) -> None:
        """Abandon the run as the state machine does when a step raised the error."""
        caught = {
            "Error": getattr(error, "code", type(error).__name__),
            "Cause": json.dumps({"errorMessage": str(error)}),
        }
        self.failure = dict(abandon(self.control, self.vault.s3, self.settings, self.execution, caught))

    def until(self, last: str) -> Restore:
        """Run the steps up to, not including, this one."""
        for step in STEPS[: STEPS.index(last)]:
            self.take(step)
        return self

    def take(self, step: str) -> Any:
        """Take a step, unless the state machine would skip it."""
        skipped = {
            "finish": {"build", "link", "switch", "keep"},
            "switch": {"build", "link"},
            "keep": {"verify", "check", "load", "settle", "compare", "build", "link", "switch"},
        }
        try:
            return None if step in skipped.get(self.next, ()) else getattr(self, step)()
        except WorkContinues:
            return self.take(step)

    def begin(self, dead: str = "") -> str:
        started = "2026-11-22T10:00:00.123Z"
        s3 = self.vault.s3
        answer = begin(self.control, s3, self.settings, self.execution, started, self.document, dead)
        self.id, self.next, self.selected = answer["restore_id"], answer["next"], answer
        return str(answer["holder"])

    def verify(self) -> None:
        """Verify the signature as the state machine does."""
        while self.selected["signed"] and not self._is_valid(self.selected["signature"]):
            self.selected = select_older(self.control, self.vault.s3, self.settings, self.id, self.document)

    def _is_valid(self, given: dict[str, str]) -> bool:
        what = (given["dataset"], given["backup_id"], Reference.of(given), given["kind"])
        return sign(BACKUP, *what) == given["mac"]

    def check(self) -> None:
        signed = Reference.of(self.selected["signature"])
        self.checked = check_backup(self.control, self.vault.s3, self.settings, self.id, signed)

    def load(self) -> None:
        # Workers finish in any order.
        for item in reversed(self.vault.read_json(self.checked["key"])):
            load_file(self.worker, self.vault.s3, FileItem.model_validate(item))

    def settle(self) -> None:
        for table in self.checked["tables"]:
            check_restored(self.control, self.id, table, self.how)

    def compare(self) -> None:
        self.next = compare(self.control, self.settings, self.id, self.how)["next"]

    def build(self) -> None:
        for table in self.checked["tables"]:
            build(self.control, self.id, table, self.how)

    def link(self) -> None:
        for table in self.checked["tables"]:
            link(self.control, self.id, table, self.how)

    def switch(self) -> None:
        swap(self.control, self.id, self.execution, self.how)

    def keep(self) -> None:
        planned = plan_safety_backup(self.control, self.vault.s3, self.settings, self.id)
        for item in reversed(self.vault.read_json(planned["key"])):
            save_pages(self.worker, self.vault.s3, PageRange.model_validate(item))

    def finish(self) -> dict[str, Any]:
        signature = None if self.next == "finish" else self.sign()
        return finish(self.control, self.vault.s3, self.settings, self.id, signature).document()

    def sign(self) -> Signature:
        """Write and sign the manifest of the safety backup as the state machine does."""
        written = write_manifest(self.control, self.vault.s3, self.settings, self.id)
        dataset = self.document.get("dataset", "olist")
        mac = sign(BACKUP, dataset, self.id, Reference.of(written), "safety")
        return Signature(version=written["version"], sha256=written["sha256"], mac=mac)


@dataclass
class Vault:
    """A database and the buckets, with helpers for tests."""

    database: Database
    s3: S3Client
    make_csv: Callable[..., bytes]

    def insert(self, table: str, *rows: dict[str, Any]) -> None:
        """Insert rows into a table of ``olist``, given by their differences from a default row; ids may be numbers."""
        db = self.database.superuser()
        target = DATASETS["olist"].table(table)
        with db.cursor() as cursor:
            copy = f"COPY {ddl.qualified(target)} FROM STDIN (FORMAT csv, HEADER)"
            cursor.copy_expert(copy, io.BytesIO(self.make_csv(table, *rows)))
        db.close()

    def backup(self, *tables: str, kind: Kind = "backup", parts: int = 2, dataset: str = "olist") -> Manifest:
        """Back up tables (none: all), the rows of each in ``parts`` files."""
        number, names = next(_numbers), tables or tuple(DATASETS[dataset].tables)
        backup_id = f"20261101T000000Z-{number:08x}"
        found = Manifest(
            backup_id=backup_id,
            dataset=dataset,
            kind=kind,
            created_at=datetime.now(UTC),
            tables=tuple(self._table(dataset, backup_id, name, parts) for name in names),
        )
        Signer().write(self.s3, BACKUP, found)
        return found

    def _table(self, dataset: str, backup_id: str, name: str, parts: int) -> TableEntry:
        table, files, total = DATASETS[dataset].table(name), [], 0
        db = self.database.superuser()
        with db.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
            for part in range(parts):
                condition = Sql("hashtext(ctid::text) % {} IN ({}, -{})").format(parts, part, part)
                body, key = io.BytesIO(), f"{name}/part-{part:05}.parquet"
                written = parquet.write(cursor, table, parquet.copy_sql(table, condition), body)
                data = body.getvalue()
                self.s3.put_object(Bucket=BACKUP, Key=backup_folder(dataset, backup_id) + key, Body=data)
                digest = hashlib.sha256(data).hexdigest()
                files.append(FileEntry(key=key, rows=written.rows, size=len(data), sha256=digest))
                total += written.hash_total
        db.close()
        columns = manifest.column_entries(table)
        return TableEntry(
            table=name,
            rows=sum(file.rows for file in files),
            content_hash=content_hash(total),
            schema_fingerprint=manifest.fingerprint(columns),
            columns=columns,
            files=tuple(files),
        )

    def restore(self, swap_rows: int = NEVER_SWAP, part_bytes: int = 1 << 20, **document: Any) -> Restore:
        """A restore, not begun."""
        more = {"backup_bucket": BACKUP, "report_bucket": REPORT, "swap_rows": swap_rows}
        base = self.database.settings(RESTORE).model_dump()
        settings = RestoreSettings.model_validate(base | more | {"part_bytes": part_bytes})
        return Restore(self, document, settings, self.connection(RESTORE), self.connection(REFILL))

    def connection(self, role: str) -> Connection:
        """The database's warm connection of a role."""
        known = self.database.warm.get(role)
        if known is None or known.closed:
            known = self.database.warm[role] = self.database.connect(role)
        return known

    def rows(self, table: str, dataset: str = "olist") -> list[str]:
        """The texts of a table's rows, sorted."""
        text = ddl.row_text_sql(DATASETS[dataset].table(table))
        return sorted(row for (row,) in self.database.query(f"SELECT {text} FROM {dataset}.{table}"))

    def read_json(self, key: str) -> Any:
        """A document of the report bucket."""
        return json.loads(self.s3.get_object(Bucket=REPORT, Key=key)["Body"].read())

    def leftovers(self) -> list[Any]:
        """Schemas and leases of runs, of which an ended run has none."""
        return self.database.query(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow%%' UNION ALL SELECT execution FROM dataforge.leases"
        )

    def clear(self, dataset: str = "olist") -> None:
        """Delete all rows, and the schemas and leases of failed runs."""
        names = ", ".join(f"{dataset}.{name}" for name in DATASETS[dataset].tables)
        drops = [
            f"DROP SCHEMA {name} CASCADE"
            for (name,) in self.database.query(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow%%'"
            )
        ]
        self.database.query("; ".join([f"TRUNCATE {names}", "DELETE FROM dataforge.leases", *drops]))


@pytest.fixture(scope="module")
def client() -> Iterator[S3Client]:
    """The S3 client. Creating it takes longer than most tests."""
    with mock_aws():
        made = boto3.client("s3", region_name="us-east-1")
        for bucket in (BACKUP, REPORT):
            made.create_bucket(Bucket=bucket)
            made.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield made


@pytest.fixture
def vault(module_database: Database, client: S3Client, make_csv: Callable[..., bytes]) -> Vault:
    """The module's database without rows, and buckets with the backups of earlier tests."""
    vault = Vault(module_database, client, make_csv)
    vault.clear()
    return vault
