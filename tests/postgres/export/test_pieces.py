"""A large table is exported in files by several calls, as of one instant."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataforge.errors import SnapshotLost, WorkContinues
from dataforge.postgres import ddl
from dataforge.runs.exports import Export, Format
from dataforge.settings import ExportSettings
from dataforge.tables.datasets import get_dataset
from functions.export.export import export
from functions.export.pieces import hold_statement
from tests.postgres.conftest import PASSWORD

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.conftest import Database

TABLE = get_dataset("olist").table("customers")
INSERT = """
    INSERT INTO olist.customers SELECT md5(i::text), md5(i::text), '01037', 'são paulo', 'SP' FROM generate_series({}, {}) i
"""
HOLDER = "SELECT pid FROM pg_stat_activity WHERE usename = 'dataforge_export' AND query LIKE 'DO %%'"
Call = Callable[..., Export]


@pytest.fixture
def call(module_database: Database, s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Return a function that calls the export's function once, for a table of several pages."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    secrets = boto3.client("secretsmanager", region_name="us-east-1")
    secret = secrets.create_secret(
        Name=f"export {time.monotonic()}", SecretString=json.dumps({"password": PASSWORD})
    )
    settings = ExportSettings(
        **module_database.settings("dataforge_export").model_dump() | {"db_secret_arn": secret["ARN"]},
        backup_bucket="backup",
        report_bucket="report",
        unattended_bytes=0,
        part_bytes=3 * 8192,
    )
    module_database.query("TRUNCATE olist.customers CASCADE")
    module_database.query(INSERT.format(1, 600))

    def call(export_id: str, form: Format = "ndjson") -> Export:
        with closing(module_database.connect("dataforge_export")) as db:
            return export(db, s3, settings, export_id, TABLE, form, time.monotonic())

    yield call
    module_database.query(f"SELECT pg_terminate_backend(pid, 60000) FROM ({HOLDER}) sessions")


def called_often(call: Call, export_id: str, form: Format) -> tuple[Export, int]:
    """The export, and the number of calls."""
    calls = 1
    while True:
        try:
            return call(export_id, form), calls
        except WorkContinues:
            calls += 1


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_files_of_several_calls_have_the_rows_of_one_instant(
    call: Call, module_database: Database, s3: S3Client, form: Format
) -> None:
    [(rows, total)] = module_database.query(
        f"SELECT count(*), sum({ddl.row_hash_sql(TABLE)}) FROM olist.customers"
    )
    export_id = f"20261125T200000Z-0000000{len(form) % 10}"
    with pytest.raises(WorkContinues):
        call(export_id, form)
    module_database.query(INSERT.format(601, 900))
    module_database.query("UPDATE olist.customers SET customer_city = 'other'")
    made, calls = called_often(call, export_id, form)
    assert len(made.files) == calls + 1
    assert calls > 1
    assert (made.rows, int(made.content_hash, 16)) == (rows, int(total) % 2**64)
    bodies = [s3.get_object(Bucket=f.bucket, Key=f.key)["Body"].read() for f in made.files]
    if form == "ndjson":
        found = [json.loads(line) for body in bodies for line in body.splitlines()]
    else:
        found = [row for body in bodies for row in pq.read_table(pa.BufferReader(body)).to_pylist()]
    assert [f.rows for f in made.files] == [
        body.count(b"\n") if form == "ndjson" else pq.read_table(pa.BufferReader(body)).num_rows
        for body in bodies
    ]
    assert len({row["customer_id"] for row in found}) == len(found) == 600
    assert {row["customer_city"] for row in found} == {"são paulo"}
    assert not module_database.query(HOLDER)


def test_snapshot_is_held_between_calls_and_its_loss_is_named(call: Call, module_database: Database) -> None:
    export_id = "20261125T200000Z-000000aa"
    with pytest.raises(WorkContinues):
        call(export_id)
    assert len(module_database.query(HOLDER)) == 1
    module_database.query(f"SELECT pg_terminate_backend(pid, 60000) FROM ({HOLDER}) sessions")
    with pytest.raises(SnapshotLost, match=export_id):
        call(export_id)


def test_snapshot_is_held_while_a_function_of_the_export_is_connected_and_no_longer(
    module_database: Database,
) -> None:
    export_id, idle = "20261125T200000Z-000000bb", 0.1
    late = f"SELECT pid FROM ({HOLDER}) h JOIN pg_stat_activity USING (pid) WHERE clock_timestamp() > query_start + %s"
    with closing(module_database.connect("dataforge_export")) as holder, ThreadPoolExecutor(1) as threads:
        with closing(module_database.connect("dataforge_export")) as function, function.cursor() as named:
            named.execute("SELECT set_config('application_name', %s, false)", (f"export {export_id}",))
            function.commit()
            statement = hold_statement(export_id, idle, pause_seconds=0.01)
            held = threads.submit(holder.cursor().execute, statement)
            while not module_database.query(late, (timedelta(seconds=4 * idle),)):
                assert not held.done()
        assert held.result(timeout=30) is None
