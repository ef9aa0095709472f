"""Read data over HTTP with a reader's key, and compare it with the database."""

import hashlib
import io
import json
import time
from contextlib import closing
from typing import Any

import psycopg2
import pyarrow.parquet as pq
import urllib3

from local.demo import show
from local.demo.steps import Failed
from local.outputs import Outputs

TABLE = "order_payments"
COLUMNS = ("order_id", "payment_sequential", "payment_type", "payment_value")
_EXPORT_SECONDS, _LOOK_SECONDS = 120, 0.5
_POOL = urllib3.PoolManager(timeout=30)


def page(outputs: Outputs) -> None:
    """A page of payments, filtered and sorted by the API, equals the result of SQL, to the last digit."""
    path = f"/v1/tables/{TABLE}/records?select={','.join(COLUMNS)}&payment_value=gte.100&limit=3"
    answer = _get(outputs, path)
    show.line(f"GET {path}")
    # Decimals with their original digits: 149.90 has two digits after the point.
    show.line(f"  {answer.data.decode()}")
    rows = json.loads(answer.data, parse_float=str)["data"]
    show.line(f"Data-Quality: {answer.headers['Data-Quality']}")
    with closing(psycopg2.connect(outputs["database_url"])) as db, db.cursor() as cursor:
        cursor.execute(
            "SELECT order_id, payment_sequential, payment_type, payment_value::text FROM olist.order_payments"
            " WHERE payment_value >= 100 ORDER BY order_id, payment_sequential LIMIT 3"
        )
        wanted = [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    if rows != wanted:
        raise Failed(f"The page of {TABLE} differs from the result of SQL: {rows}, {wanted}.")


def quality(outputs: Outputs) -> None:
    """The quality of each table in the API, over all migrations and batches."""
    (dataset,) = json.loads(_get(outputs, "/v1/quality?dataset=olist").data)["data"]
    show.line(f"{'table':24}{'read':>10}{'rejected':>10}{'score':>10}{'threshold':>11}")
    for table in dataset["tables"]:
        figures = (
            f"{table['read']:>10,}{table['rejected']:>10,}{table['score']:>10.4f}{table['threshold']:>11}"
        )
        show.line(f"{table['table']:24}{figures}")
        if table["score"] < table["threshold"]:
            raise Failed(f"The quality of {table['table']} is below its threshold.")


def export(outputs: Outputs) -> None:
    """The whole table as Parquet, from presigned URLs: the reported hashes, and all rows."""
    order = json.dumps({"dataset": "olist", "table": TABLE, "format": "parquet"}).encode()
    exported = _finished(outputs, _ask(outputs, "POST", "/v1/exports", order).json()["id"])
    rows = 0
    for file in exported["files"]:
        data = _POOL.request("GET", file["url"]).data
        if hashlib.sha256(data).hexdigest() != file["sha256"]:
            raise Failed(f"{file['name']} of the export differs from its reported hash.")
        rows += pq.read_metadata(io.BytesIO(data)).num_rows
    with closing(psycopg2.connect(outputs["database_url"])) as db, db.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM olist.order_payments")
        ((stored,),) = cursor.fetchall()
    if not rows == exported["rows"] == stored:
        raise Failed(
            f"The export of {TABLE} has {rows} rows, {exported['rows']} reported and {stored} stored."
        )
    origin = (
        f"the files of backup {exported['backup_id']}" if exported["backup_id"] else "written for this export"
    )
    show.line(
        f"POST /v1/exports: {TABLE} as Parquet, {rows:,} rows in {len(exported['files'])} file(s), {origin}"
    )


def _finished(outputs: Outputs, export_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + _EXPORT_SECONDS
    while True:
        run = _get(outputs, f"/v1/exports/{export_id}").json()
        if run["status"] == "succeeded":
            output: dict[str, Any] = run["output"]
            return output
        if run["status"] == "failed" or time.monotonic() > deadline:
            raise Failed(f"The export did not succeed: {run}")
        time.sleep(_LOOK_SECONDS)


def _get(outputs: Outputs, path: str) -> urllib3.BaseHTTPResponse:
    return _ask(outputs, "GET", path)


def _ask(outputs: Outputs, method: str, path: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
    headers = {"x-api-key": outputs["reader_key"], "content-type": "application/json"}
    answer = _POOL.request(method, outputs["api_url"] + path, headers=headers, body=body)
    if answer.status >= 300:
        raise Failed(f"{method} {path} returned {answer.status}: {answer.data.decode()}")
    return answer
