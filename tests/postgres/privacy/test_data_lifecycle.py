"""Every place that stores content of records ends by a setting: docs/data-lifecycle.md lists them.

Handlers plant a marker on a real PostgreSQL and moto's S3. The test moves the clock: it ages the ledger, runs the upkeep,
and evaluates the lifecycle rules of the template.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from dataforge.backups import manifest
from dataforge.runs.ids import new_id
from dataforge.settings import BackupSettings
from dataforge.tables.datasets import DATASETS
from functions.backup.expire import StoredBackup, expired
from functions.schema.upkeep import work
from infra.settings import read_settings
from infra.stack import DataForge
from local.config import ROOT
from tests.gateway_events import OPERATOR, request_context
from tests.lifecycle_rules import Rule, days_until_gone

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.privacy.conftest import Lambda

pytestmark = pytest.mark.slow

MakeCsv = Callable[..., bytes]
Rules = dict[str, list[Rule]]
"""By bucket."""
MARK, PERSON = "markedperson", "feedface" * 4
SETTINGS = {"rawKeepDays": 90, "reportKeepDays": 90, "versionDays": 30}
PAGE = " ".join((ROOT / "docs/data-lifecycle.md").read_text().split())
RAW, REPORT, BACKUP = "raw", "report", "backup"
CUSTOMER = {"customer_id": PERSON, "customer_unique_id": PERSON, "customer_city": MARK}


def rules(**context: Any) -> Rules:
    """The lifecycle rules of the template with these settings."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(context={**flags, "aws:cdk:bundling-stacks": [], **context})
    stack = DataForge(app, read_settings(app.node.get_all_context()))
    buckets = Template.from_stack(stack).find_resources("AWS::S3::Bucket")
    return {
        re.sub("^Storage|[0-9A-F]{8}$", "", name).lower(): bucket["Properties"]["LifecycleConfiguration"][
            "Rules"
        ]
        for name, bucket in buckets.items()
    }


def versions(functions: Lambda, bucket: str) -> Iterator[tuple[str, bool]]:
    """The key of each version that contains the marker, and whether it is the current one."""
    pages = functions.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for item in (item for page in pages for item in page.get("Versions", ())):
        found = functions.s3.get_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
        if MARK in text_of(item["Key"], found["Body"].read()):
            yield item["Key"], item["IsLatest"]


def text_of(key: str, body: bytes) -> str:
    if key.endswith(".parquet"):
        return str(pq.read_table(io.BytesIO(body)).to_pydict())
    return (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).decode(errors="replace")


def relations(database: Database) -> set[str]:
    """The relations of the database with a row that contains the marker."""
    names = database.query(
        "SELECT format('%%I.%%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind IN ('r', 'm', 'p') AND nspname !~ '^(pg_|information_schema)'"
    )
    return {
        name
        for (name,) in names
        if database.query(f"SELECT FROM {name} x WHERE x::text LIKE %s LIMIT 1", f"%{MARK}%")
    }


def age(database: Database, days: float) -> None:
    """Move every time of the ledger into the past, as if the clock had been moved forward."""
    columns = database.query(
        "SELECT attrelid::regclass::text, string_agg(format('%%1$I = %%1$I - %%2$L::interval', attname, %s), ', ')"
        " FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'dataforge'::regnamespace"
        " AND relkind = 'r' AND atttypid = 'timestamptz'::regtype AND NOT attisdropped GROUP BY 1",
        f"{days} days",
    )
    for relation, assignments in columns:
        database.query(f"UPDATE {relation} SET {assignments}")


def upkeep(functions: Lambda) -> None:
    """Run the upkeep as its state machine does, until nothing is left to do."""
    with closing(functions.database.connect("master")) as master:
        while work(master) != "done":
            pass


def send(functions: Lambda, *records: dict[str, Any], idempotency_key: str) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
    event = {"httpMethod": "POST", "path": "/v1/records", "headers": headers}
    body = json.dumps({"records": records})
    functions.call("ingest.handler", **event, body=body, requestContext=request_context(OPERATOR))


def plant(functions: Lambda, make_csv: MakeCsv) -> None:
    """Run every operation that stores content, with records of a person."""
    for bucket in (RAW, REPORT, BACKUP):
        functions.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    bad = [{"customer_id": f"{MARK}{n}", "customer_city": MARK, "customer_state": MARK} for n in range(3)]
    upload = functools.partial(functions.s3.put_object, Bucket=RAW, Key="olist/olist_customers_dataset.csv")
    upload(Body=make_csv("customers", CUSTOMER, *bad))
    published = functions.migrate(tables=["customers"], quality_threshold=0)
    assert published["status"] == "published"
    functions.migrate(replay={"migration_id": published["migration_id"]})
    made = functions.back_up(tables=["customers"])
    functions.database.query("UPDATE olist.customers SET customer_city = customer_city || 'changed'")
    assert "safety_backup" in functions.restore(table="customers")
    export = {"dataset": "olist", "table": "customers", "format": "ndjson"}
    execution = "arn:aws:states:us-east-1:1:execution:export:run-1"
    functions.call("export.work", execution=execution, started="2026-11-22T10:00:00.123Z", input=export)
    functions.call("glue.register", dataset="olist", backup_id=made["backup_id"])
    send(
        functions, {"table": "customers", "data": {"customer_id": MARK, MARK: MARK}}, idempotency_key="small"
    )
    large = {"table": "customers", "data": {"customer_city": MARK * 200_000}}
    send(functions, large, idempotency_key="large")
    # The first file remains as a version.
    upload(Body=make_csv("customers", CUSTOMER | {"customer_id": "0" * 32}, *bad))
    functions.database.query(f"ALTER TABLE olist.customers ADD CHECK (customer_id <> '{'0' * 32}')")
    # A run that an owner's rule prevents can be resumed, so its rows stay.
    assert functions.migrate(tables=["customers"], quality_threshold=0)["error"] == "TargetRefuses"


def deleted_backups(functions: Lambda, days: float) -> dict[str, float]:
    """The folder of each backup that the retention deletes within ``days``, with its age then: newer backups followed."""
    settings = BackupSettings(
        backup_bucket=BACKUP, report_bucket=REPORT, db_host="-", db_name="-", db_user="-"
    )
    stored = [
        StoredBackup(found, verified=True)
        for backup_id in manifest.backup_ids(functions.s3, BACKUP, "olist")
        if (found := manifest.find(functions.s3, BACKUP, "olist", backup_id))
    ]
    now = datetime.now(UTC)
    newer = []
    for day in range(1, settings.keep_count + 1):
        made = now + timedelta(days=day)
        about = {"kind": "backup", "backup_id": new_id(made, str(day)), "created_at": made}
        newer.append(replace(stored[0], backup=stored[0].backup.model_copy(update=about)))
    gone: dict[str, float] = {}
    for day in range(int(days)):
        for backup_id in expired([*stored, *newer], now + timedelta(days=day), settings):
            gone.setdefault(backup_id, day)
    return gone


def longest(
    found: dict[str, list[tuple[str, bool]]], by_bucket: Rules, gone: dict[str, float]
) -> dict[str, Any]:
    """By bucket and key, the age in days at which no version with the marker remains."""
    ends: dict[str, Any] = {}
    for bucket, items in found.items():
        for key, current in items:
            backup_id = key.split("/")[1] if bucket == BACKUP else ""
            deleted = gone.get(backup_id) if current else 0
            ends[f"{bucket}/{key} {current}"] = days_until_gone(by_bucket[bucket], key, deleted)
    return ends


def test_no_place_has_content_after_the_longest_time(functions: Lambda, make_csv: MakeCsv) -> None:
    plant(functions, make_csv)
    found = {bucket: list(versions(functions, bucket)) for bucket in (RAW, REPORT, BACKUP)}
    prefixes = {f"{bucket}/{key.split('/')[0]}" for bucket, items in found.items() for key, _ in items}
    assert prefixes >= {"raw/olist", "report/runs", "report/rejections", "report/exports", "backup/olist"}
    assert {current for _, current in found[RAW]} == {True, False}
    before = relations(functions.database)
    assert before >= {"olist.customers", "dataforge.rejections", "dataforge.batches"}
    assert [name for name in before if name.startswith("shadow_")]

    by_bucket = rules(**SETTINGS)
    ends = longest(found, by_bucket, deleted_backups(functions, 1000))
    assert [name for name, end in ends.items() if end is None] == []
    stated = int(re.search(r"at the latest after (\d+) days", PAGE)[1])  # type: ignore[index]
    assert max(ends.values()) == stated

    # The rows themselves belong to their owner, who deletes them.
    functions.database.query("DELETE FROM olist.customers WHERE customer_city LIKE %s", f"{MARK}%")
    upkeep(functions)
    assert relations(functions.database) == before - {"olist.customers"}
    age(functions.database, stated)
    upkeep(functions)
    assert relations(functions.database) == set()


def test_answers_end_after_a_day_without_another_batch(functions: Lambda) -> None:
    send(functions, {"table": "customers", "data": {"customer_id": MARK, MARK: MARK}}, idempotency_key="one")
    age(functions.database, 0.9)
    upkeep(functions)
    assert "dataforge.batches" in relations(functions.database)
    age(functions.database, 0.2)
    upkeep(functions)
    assert relations(functions.database) == {"dataforge.rejections"}


def test_by_default_only_raw_files_and_reports_have_no_end() -> None:
    by_bucket = rules()
    ends = {
        "raw/olist/a.csv": days_until_gone(by_bucket[RAW], "olist/a.csv"),
        "report/runs/1/report.json": days_until_gone(by_bucket[REPORT], "runs/1/report.json"),
        "report/rejections/1.jsonl": days_until_gone(by_bucket[REPORT], "rejections/1.jsonl"),
        "report/exports/1/a": days_until_gone(by_bucket[REPORT], "exports/1/a"),
        "report/progress/1": days_until_gone(by_bucket[REPORT], "progress/1"),
        "deleted raw": days_until_gone(by_bucket[RAW], "olist/a.csv", 0),
        "deleted backup": days_until_gone(by_bucket[BACKUP], "olist/1/a", 0),
    }
    assert ends == {
        "raw/olist/a.csv": None,
        "report/runs/1/report.json": None,
        "report/rejections/1.jsonl": 99,
        "report/exports/1/a": 32,
        "report/progress/1": 32,
        "deleted raw": 366,
        "deleted backup": 31,
    }
    assert set(DATASETS) >= {"olist"}
