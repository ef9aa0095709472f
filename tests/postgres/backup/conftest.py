"""A backup as the state machine runs it, in this process, with a real PostgreSQL and moto's S3."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest, Reference
from dataforge.backups.signed_text import VERIFICATION
from dataforge.errors import DataForgeError
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import BACKUP, OWNER
from dataforge.runs.lifecycle import close_run
from dataforge.settings import BackupSettings
from functions.backup.begin import begin
from functions.backup.close import abandon, close
from functions.backup.expire import delete_unfinished
from functions.backup.export_snapshot import export_snapshot, is_published
from functions.backup.plan import PageRange, plan
from functions.backup.run import BACKUPS
from functions.backup.sign import refuse_signature, sign_manifest, sign_verification
from functions.backup.signals import wait
from functions.backup.trial_restore import trial_restore
from functions.backup.verification_result import validate
from functions.backup.verify import CheckItem, check_file, plan_checks
from functions.backup.write_file import write_file
from functions.backup.write_manifest import write_manifest
from tests.signing import sign

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

BUCKET, REPORT = "backup", "report"
_executions = itertools.count(1)


@dataclass
class Backup:
    """One execution; ``run`` runs all steps as the state machine does, or a test runs them one by one."""

    vault: Vault
    document: Any
    settings: BackupSettings
    db: Connection
    execution: str = field(
        default_factory=lambda: f"arn:aws:states:::execution:backup:run-{next(_executions)}"
    )
    id: str = ""
    exporters: list[Future[dict[str, bool]]] = field(default_factory=list)
    items: list[PageRange] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """Run all steps; failures are abandoned."""
        try:
            answer = self.begin()
            assert answer["holder"] == ""
            if answer["backup"]:
                self.hold()
                self.plan()
                self.write()
                self.finish()
            if answer["signed"]:
                self.verify_signature(answer["signature"])
            if answer["verify"] or not answer["backup"]:
                self.verify()
            return self.close()
        except DataForgeError as error:
            caught = {"Error": error.code, "Cause": json.dumps({"errorMessage": str(error)})}
            abandon(self.db, self.vault.s3, self.settings, self.execution, caught)
            raise

    def begin(self, dead: str = "") -> dict[str, Any]:
        answer = begin(
            self.db,
            self.vault.s3,
            self.settings,
            self.execution,
            "2026-11-22T10:00:00.123Z",
            self.document,
            dead,
        )
        self.id = answer["run_id"]
        return answer

    def hold(self, seconds: float = 60) -> Future[dict[str, bool]]:
        """Start a snapshot exporter, and wait until its snapshot is published."""
        before = self.snapshots()
        future = self.vault.pool.submit(self._hold, seconds)
        self.exporters.append(future)
        wait(
            self.db,
            lambda cursor: future.done() or (is_published(cursor, self.id) and self.snapshots() != before),
            20,
        )
        return future

    def _hold(self, seconds: float) -> dict[str, bool]:
        with (
            closing(self.vault.database.connect(BACKUP)) as db,
            closing(self.vault.database.connect(BACKUP)) as exporter,
        ):
            return export_snapshot(db, exporter, self.id, seconds)

    def snapshots(self) -> list[str]:
        """The published snapshots, newest first."""
        rows = self.vault.database.query(
            "SELECT snapshot FROM dataforge.snapshots WHERE run_id = %s ORDER BY published_at DESC", self.id
        )
        return [snapshot for (snapshot,) in rows]

    def plan(self) -> None:
        answer = plan(self.db, self.vault.s3, self.settings, self.id)
        self.items = [PageRange.model_validate(item) for item in self.vault.read_json(answer["key"])]
        assert answer["count"] == len(self.items)

    def write(self) -> None:
        # Workers finish in any order.
        for item in reversed(self.items):
            write_file(self.db, self.vault.s3, self.settings, item)

    def finish(self) -> str:
        written = write_manifest(self.db, self.vault.s3, self.settings, self.id)
        for exporter in self.exporters:
            exporter.result(timeout=20)
        self.sign(written)
        return written["manifest"]

    def sign(self, written: dict[str, str]) -> None:
        """Sign the manifest as the state machine does."""
        mac = sign(BUCKET, self.dataset, self.id, Reference.of(written))
        sign_manifest(self.db, self.vault.s3, self.settings, self.id, mac)

    @property
    def dataset(self) -> str:
        return str(self.document.get("dataset", "olist"))

    def verify(self) -> dict[str, Any]:
        s3 = self.vault.s3
        answer = plan_checks(self.db, s3, self.settings, self.id)
        for item in self.vault.read_json(answer["key"]):
            check_file(self.db, s3, self.settings, CheckItem.model_validate(item))
        trial_restore(self.db, s3, self.settings, self.id)
        found = validate(self.db, s3, self.settings, self.id)
        backup_id = self.document.get("verify_only", self.id)
        made = Reference.of(found["signature"])
        mac = sign(BUCKET, self.dataset, backup_id, made, VERIFICATION)
        sign_verification(self.db, s3, self.settings, self.id, made.sha256, mac)
        return found

    def verify_signature(self, given: dict[str, str]) -> None:
        """Verify the signature of an existing backup as the state machine does."""
        purpose, backup_id = given["kind"], given["backup_id"]
        if sign(BUCKET, given["dataset"], backup_id, Reference.of(given), purpose) != given["mac"]:
            refuse_signature(self.db, self.id)

    def end(self, status: str) -> str | None:
        """Close the run as the state machine's end does; returns its id."""
        run_id = close_run(self.db, BACKUPS, self.execution, status)
        delete_unfinished(self.db, self.vault.s3, self.settings, run_id)
        return run_id

    def close(self) -> dict[str, Any]:
        return close(self.db, self.vault.s3, self.settings, self.id).document()


@dataclass
class Vault:
    """A database and the buckets, with helpers for tests."""

    database: Database
    s3: S3Client
    pool: ThreadPoolExecutor

    def backup(self, document: Any = None, **settings: Any) -> Backup:
        """A backup, not begun."""
        more = {"backup_bucket": BUCKET, "report_bucket": REPORT, **settings}
        read = BackupSettings.model_validate(self.database.settings(BACKUP).model_dump() | more)
        return Backup(self, {} if document is None else document, read, self.database.connect(BACKUP))

    def back_up(self, document: Any = None, **settings: Any) -> Manifest:
        """Run a backup; its manifest."""
        return self.manifest(self.backup(document, **settings).run()["backup_id"])

    def manifest(self, backup_id: str, dataset: str = "olist") -> Manifest:
        """The manifest of a backup."""
        return manifest.read(self.s3, BUCKET, dataset, backup_id)

    def read_json(self, key: str) -> Any:
        """A document of the report bucket."""
        return json.loads(self.s3.get_object(Bucket=REPORT, Key=key)["Body"].read())

    def objects(self) -> list[str]:
        """The keys of the objects in the backup bucket."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        return sorted(item["Key"] for item in listed)

    def damage(self, key: str, change: Callable[[bytes], bytes]) -> None:
        """Change an object of the backup bucket."""
        body = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=change(body))

    def fill(self, rows: int) -> None:
        """Insert sellers and customers, and orders of the customers."""
        with transaction(self.database.superuser(), role=OWNER) as cursor:
            cursor.execute(
                "INSERT INTO olist.sellers SELECT md5(n::text), '01037', 'são paulo, \"sp\"', 'SP'"
                " FROM generate_series(1, %s) n",
                (rows,),
            )
            cursor.execute(
                "INSERT INTO olist.customers SELECT md5(n::text), md5('u' || n), '01037', 'rio', 'RJ'"
                " FROM generate_series(1, %s) n",
                (rows,),
            )
            cursor.execute(
                "INSERT INTO olist.orders SELECT md5(n::text), md5(n::text), 'created', '2018-01-31 10:00:00', NULL,"
                " NULL, NULL, '2018-02-28' FROM generate_series(1, %s) n",
                (rows,),
            )


@pytest.fixture(scope="module")
def client() -> Iterator[S3Client]:
    """The S3 client. Creating it takes longer than most tests."""
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def s3(client: S3Client) -> S3Client:
    """S3 with empty buckets."""
    for bucket in (BUCKET, REPORT):
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        found = client.list_object_versions(Bucket=bucket)
        for item in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
            client.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
    return client


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    """The threads of the snapshot exporters."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def vault(module_database: Database, s3: S3Client, pool: ThreadPoolExecutor) -> Iterator[Vault]:
    """The module's database without rows and runs, and empty buckets."""
    module_database.query(
        "DELETE FROM olist.orders; DELETE FROM olist.sellers; DELETE FROM olist.customers;"
        "DELETE FROM dataforge.backups; DELETE FROM dataforge.leases"
    )
    yield Vault(module_database, s3, pool)
    # End the remaining snapshot exporters.
    module_database.query(
        "UPDATE dataforge.backups SET status = 'over', finished_at = now(); NOTIFY dataforge_backup"
    )
