"""A backup's tables in moto's Glue: the location and the types of their files."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any, Literal

import awswrangler as wr
import boto3
import pyarrow.parquet as pq
import pytest
from botocore.config import Config
from moto import mock_aws

from dataforge.backups import manifest
from dataforge.backups.manifest import ColumnEntry, FileEntry, Manifest, TableEntry
from dataforge.bulk.parquet import arrow_schema
from dataforge.errors import NoSuchBackup, Unavailable, Unexpected
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.datasets import DATASETS
from functions.glue.handler import register
from functions.glue.tables import athena_type
from infra.services.glue import ACTIONS

CONTEXT: Any = SimpleNamespace(
    function_name="glue", memory_limit_in_mb=1024, invoked_function_arn="arn:glue", aws_request_id="request"
)
OLIST = DATASETS["olist"]
OLDER, NEWER = "20261125T031500Z-00000001", "20261126T031500Z-00000002"
FOLDER = f"s3://backup/olist/{OLDER}/"


class Glue:
    """Moto's Glue and S3, and the recorded calls to Glue."""

    def __init__(self, session: Any) -> None:
        self.client, self.s3 = session.client("glue"), session.client("s3")
        self.calls: list[str] = []
        session.events.register("before-call.glue", lambda model, **_: self.calls.append(model.name))

    def back_up(self, backup_id: str, *tables: Table, kind: Literal["backup", "safety"] = "backup") -> None:
        """Write the manifest of a backup of the tables."""
        made = Manifest(
            backup_id=backup_id,
            dataset="olist",
            kind=kind,
            created_at=datetime(2026, 11, 25, 3, 15, 1, tzinfo=UTC),
            tables=tuple(entry(table) for table in tables),
        )
        manifest.write(self.s3, "backup", made)

    def register(self, backup_id: str) -> None:
        """Run the step of the state machine."""
        stored = manifest.read_stored(self.s3, "backup", "olist", backup_id)
        verified = stored.reference._asdict()
        event = {"dataset": "olist", "backup_id": backup_id, "manifest": verified}
        assert register(event, CONTEXT) == {}

    def table(self, name: str) -> dict[str, Any]:
        """The table in Glue."""
        found: dict[str, Any] = self.client.get_table(DatabaseName="lake_olist", Name=name)["Table"]
        return found


def entry(table: Table) -> TableEntry:
    columns = manifest.column_entries(table)
    return TableEntry(
        table=table.name,
        rows=7,
        content_hash="a509b36ddfe1d8f9",
        schema_fingerprint=manifest.fingerprint(columns),
        columns=columns,
        files=(FileEntry(key=f"{table.name}/part-00000.parquet", rows=7, size=1, sha256="0" * 64),),
    )


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Glue]:
    """A database, an empty bucket, and the function's environment."""
    for name, value in {
        "BACKUP_BUCKET": "backup",
        "GLUE_DATABASE": "lake",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        boto3.setup_default_session()
        made = Glue(boto3.DEFAULT_SESSION)
        made.s3.create_bucket(Bucket="backup")
        made.client.create_database(DatabaseInput={"Name": "lake_olist"})
        made.calls.clear()
        yield made
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def test_tables_have_the_location_and_exact_types_of_the_backups_files(glue: Glue) -> None:
    glue.back_up(OLDER, OLIST.table("order_payments"), OLIST.table("orders"))
    glue.register(OLDER)
    found = glue.table("order_payments")
    assert found["TableType"] == "EXTERNAL_TABLE"
    assert found["StorageDescriptor"]["Location"] == f"{FOLDER}order_payments/"
    assert found["StorageDescriptor"]["InputFormat"].endswith("MapredParquetInputFormat")
    assert {c["Name"]: c["Type"] for c in found["StorageDescriptor"]["Columns"]} == {
        "order_id": "string",
        "payment_sequential": "int",
        "payment_type": "string",
        "payment_installments": "int",
        "payment_value": "decimal(10,2)",
    }
    assert found["Description"] == "olist.order_payments as of 2026-11-25 03:15:01 UTC"
    facts = {n: found["Parameters"][n] for n in ("backup_id", "content_hash", "numRows", "classification")}
    assert facts == {
        "backup_id": OLDER,
        "content_hash": "a509b36ddfe1d8f9",
        "numRows": "7",
        "classification": "parquet",
    }
    orders = {c["Name"]: c["Type"] for c in glue.table("orders")["StorageDescriptor"]["Columns"]}
    assert orders["order_approved_at"] == "timestamp"


def test_newer_backup_replaces_its_tables_by_one_call_each_and_no_other(glue: Glue) -> None:
    customers, orders = OLIST.table("customers"), OLIST.table("orders")
    glue.back_up(OLDER, customers, orders)
    glue.register(OLDER)
    glue.calls.clear()
    glue.back_up(NEWER, orders)
    for _ in range(2):
        glue.register(NEWER)
    assert [call for call in glue.calls if not call.startswith("Get")] == ["UpdateTable"] * 2
    found = {name: glue.table(name)["StorageDescriptor"]["Location"] for name in ("customers", "orders")}
    assert found == {"customers": f"{FOLDER}customers/", "orders": f"s3://backup/olist/{NEWER}/orders/"}
    assert glue.table("orders")["Parameters"]["backup_id"] == NEWER


def test_older_backup_that_is_verified_later_does_not_replace_tables_of_a_newer_one(glue: Glue) -> None:
    customers, orders = OLIST.table("customers"), OLIST.table("orders")
    glue.back_up(NEWER, orders)
    glue.register(NEWER)
    glue.back_up(OLDER, customers, orders)
    glue.register(OLDER)
    found = {name: glue.table(name)["Parameters"]["backup_id"] for name in ("customers", "orders")}
    assert found == {"customers": OLDER, "orders": NEWER}


def test_manually_created_table_is_replaced(glue: Glue) -> None:
    glue.client.create_table(DatabaseName="lake_olist", TableInput={"Name": "orders"})
    glue.back_up(OLDER, OLIST.table("orders"))
    glue.register(OLDER)
    assert glue.table("orders")["Parameters"]["backup_id"] == OLDER


def test_verified_safety_backup_is_not_registered(glue: Glue) -> None:
    glue.back_up(OLDER, OLIST.table("orders"), kind="safety")
    glue.register(OLDER)
    assert glue.calls == []


def test_function_makes_only_permitted_calls(glue: Glue) -> None:
    glue.back_up(OLDER, OLIST.table("orders"))
    glue.register(OLDER)
    glue.register(OLDER)
    assert {f"glue:{call}" for call in glue.calls} == set(ACTIONS)


@pytest.mark.parametrize("table", ["everything", "Points §"])
def test_types_equal_those_that_awswrangler_reads_from_a_file(
    glue: Glue, kitchen: Dataset, table: str
) -> None:
    declared, file = kitchen.table(table), io.BytesIO()
    pq.write_table(arrow_schema(declared).empty_table(), file)
    glue.s3.put_object(Bucket="backup", Key="file.parquet", Body=file.getvalue())
    read, _ = wr.s3.read_parquet_metadata("s3://backup/file.parquet")
    assert {c.name: athena_type(c.type.sql) for c in declared.columns} == read


def test_names_and_types_come_from_the_manifest_not_the_catalogue(glue: Glue) -> None:
    old = ColumnEntry(name="gone", type="numeric(38,6)", nullable=True)
    whole = entry(OLIST.table("sellers"))
    glue.back_up(OLDER)
    backup = manifest.read(glue.s3, "backup", "olist", OLDER)
    table = whole.model_copy(update={"columns": (*whole.columns, old)})
    changed = backup.model_copy(update={"backup_id": NEWER, "tables": (table,)})
    manifest.write(glue.s3, "backup", changed)
    glue.register(NEWER)
    assert glue.table("sellers")["StorageDescriptor"]["Columns"][-1] == {
        "Name": "gone",
        "Type": "decimal(38,6)",
    }


def test_errors_for_a_missing_backup_and_a_deleted_database_name_them(glue: Glue) -> None:
    with pytest.raises(NoSuchBackup, match=OLDER):
        glue.register(OLDER)
    glue.back_up(OLDER, OLIST.table("orders"))
    glue.client.delete_database(Name="lake_olist")
    with pytest.raises(Unexpected, match="EntityNotFoundException"):
        glue.register(OLDER)


class _FailingServer(BaseHTTPRequestHandler):
    """A failing Glue server: the path contains the status and the error of the response."""

    def do_POST(self) -> None:
        _, status, code = self.path.split("/")[:3]
        body = f'{{"__type": "{code}"}}'.encode()
        self.send_response(int(status))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def failing_glue() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _FailingServer)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "answer",
    [
        "/400/ThrottlingException",
        "/400/OperationTimeoutException",
        "/400/ConcurrentModificationException",
        "/503/InternalServiceException",
        None,
    ],
)
def test_temporary_failures_of_glue_are_retried(
    glue: Glue, failing_glue: str, monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    glue.back_up(OLDER, OLIST.table("orders"))
    # Port 1 refuses connections.
    monkeypatch.setenv(
        "AWS_ENDPOINT_URL_GLUE", "http://127.0.0.1:1" if answer is None else failing_glue + answer
    )
    monkeypatch.setattr(wr.config, "botocore_config", Config(retries={"total_max_attempts": 1}))
    with pytest.raises(Unavailable, match="orders"):
        glue.register(OLDER)
