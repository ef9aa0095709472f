"""On a deployed app: rejections of a file beyond the limits are listed from its version, replayed, and saved."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest
import urllib3

from local import cloud as embedded
from local.aws import client_settings
from local.config import Config
from local.outputs import Outputs

MORE = 5_000
"""Rejections beyond the limit of rows."""
ROWS = 20_000
NAME = "n" * 150
"""The text of all rows has more than 1 MiB, the smallest budget."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Outputs]:
    """A separate embedded cloud with small limits."""
    state: Path = tmp_path_factory.mktemp("limits") / "state"
    context = (("rejectedTextMegabytes", "1"), ("rejectionsPerTable", str(ROWS)))
    config = Config(state=state, aws_port=free_port(), pg_port=free_port(), context=context)
    with embedded.running(config) as outputs:
        yield outputs


def run(cloud: Outputs, document: dict[str, Any]) -> dict[str, Any]:
    """Run a migration. Returns its output."""
    states = boto3.client("stepfunctions", **client_settings(cloud))
    machine = cloud["migration_arn"]
    execution = states.start_execution(stateMachineArn=machine, input=json.dumps(document))["executionArn"]
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.2)
    assert found["status"] == "SUCCEEDED", found.get("cause")
    return dict(json.loads(found["output"]))


def pages(cloud: Outputs, query: str) -> Iterator[dict[str, Any]]:
    """The rejections that GET /v1/rejections lists."""
    pool, cursor = urllib3.PoolManager(), ""
    while cursor is not None:
        url = f"{cloud['api_url']}/v1/rejections?limit=1000&{query}{cursor and f'&cursor={cursor}'}"
        answer = pool.request("GET", url, headers={"x-api-key": cloud["api_key"]})
        assert answer.status == 200, answer.data
        page = json.loads(answer.data)
        yield from page["data"]
        cursor = page["next_cursor"]


def test_rejections_beyond_the_limits_are_listed_replayed_and_in_the_files_of_the_report(
    cloud: Outputs,
) -> None:
    header = "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n"
    records = [f"{n:032x},{n:032x},01037,{NAME},??" for n in range(ROWS + MORE)]
    s3 = boto3.client("s3", **client_settings(cloud))
    key = "olist/olist_customers_dataset.csv"
    s3.put_object(Bucket=cloud["raw_bucket"], Key=key, Body=(header + "\n".join(records)).encode())
    document = {"tables": ["customers"], "quality_threshold": 0}
    output = run(cloud, document)
    [table] = output["tables"]
    assert (table["read"], table["rejected"]) == (ROWS + MORE, ROWS + MORE)

    with psycopg2.connect(cloud["database_url"]) as db, db.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(raw_at), sum(octet_length(raw::text) + octet_length(errors::text)) FILTER"
            " (WHERE raw_at IS NULL) FROM dataforge.rejections"
        )
        rows, located, text = cursor.fetchone() or (0, 0, 0)
    assert (rows, text <= 1 << 20) == (ROWS, True)
    assert located > ROWS // 2

    # The current version of the file has other records.
    s3.put_object(Bucket=cloud["raw_bucket"], Key=key, Body=header.encode())
    listed = list(pages(cloud, f"migration_id={output['migration_id']}"))
    assert len(listed) == ROWS
    wrong = [item for item in listed if item["raw"] != records[item["source"]["line"] - 2]]
    assert wrong[:1] == []
    assert sum("version" in item["source"] for item in listed) == located

    bucket, _, name = output["report"].removeprefix("s3://").partition("/")
    report = json.loads(s3.get_object(Bucket=bucket, Key=name)["Body"].read())
    lines = [
        json.loads(line)
        for file in report["rejection_files"]
        for line in s3.get_object(Bucket=bucket, Key=file["uri"].split("/", 3)[3])["Body"].iter_lines()
    ]
    assert sorted(line["raw"] for line in lines) == sorted(records)

    replayed = run(cloud, {"replay": {"migration_id": output["migration_id"]}})
    [table] = replayed["tables"]
    assert (table["read"], table["rejected"]) == (ROWS + MORE, ROWS + MORE)
