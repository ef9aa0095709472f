"""What a consumer of the data gets, asked for over HTTP with a reader's key, and checked against the database."""

import json
from contextlib import closing

import psycopg2
import urllib3

from local.demo import show
from local.demo.steps import Failed
from local.outputs import Outputs

TABLE = "order_payments"
COLUMNS = ("order_id", "payment_sequential", "payment_type", "payment_value")
_POOL = urllib3.PoolManager(timeout=30)


def page(outputs: Outputs) -> None:
    """A page of payments, filtered and sorted by the API, is what SQL says it is, to the last digit."""
    path = f"/v1/tables/{TABLE}/records?select={','.join(COLUMNS)}&payment_value=gte.100&limit=3"
    answer = _get(outputs, path)
    show.line(f"GET {path}")
    # Decimals as they stand there: 149.90 has two digits behind the point.
    rows = json.loads(answer.data, parse_float=str)["data"]
    for row in rows:
        show.line(f"  {json.dumps(row, ensure_ascii=False)}")
    show.line(f"Data-Quality: {answer.headers['Data-Quality']}")
    with closing(psycopg2.connect(outputs["database_url"])) as db, db.cursor() as cursor:
        cursor.execute(
            "SELECT order_id, payment_sequential, payment_type, payment_value::text FROM olist.order_payments"
            " WHERE payment_value >= 100 ORDER BY order_id, payment_sequential LIMIT 3"
        )
        wanted = [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    if rows != wanted:
        raise Failed(f"The page of {TABLE} is not what SQL finds: {rows}, {wanted}.")


def quality(outputs: Outputs) -> None:
    """The quality of each table, as the API tells it: all that was ever read, migrations and batches."""
    (dataset,) = json.loads(_get(outputs, "/v1/quality?dataset=olist").data)["data"]
    show.line(f"{'table':24}{'read':>10}{'rejected':>10}{'score':>10}{'threshold':>11}")
    for table in dataset["tables"]:
        figures = (
            f"{table['read']:>10,}{table['rejected']:>10,}{table['score']:>10.4f}{table['threshold']:>11}"
        )
        show.line(f"{table['table']:24}{figures}")
        if table["score"] < table["threshold"]:
            raise Failed(f"The quality of {table['table']} is below its threshold.")


def _get(outputs: Outputs, path: str) -> urllib3.BaseHTTPResponse:
    answer = _POOL.request("GET", outputs["api_url"] + path, headers={"x-api-key": outputs["reader_key"]})
    if answer.status != 200:
        raise Failed(f"GET {path} was answered with {answer.status}: {answer.data.decode()}")
    return answer
