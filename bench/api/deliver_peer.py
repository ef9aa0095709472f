"""The peer of delivery: a SELECT fetched by psycopg2 and dumped by orjson, as hand-written code.

Run as ``python deliver_peer.py DATABASE_URL`` in the environment of requirements.lock. Each line of its input is a SELECT
as JSON text; each line of its output the seconds that it took.
"""

import json
import sys
import time

import orjson
import psycopg2

db = psycopg2.connect(sys.argv[1])
for line in sys.stdin:
    statement = json.loads(line)
    begun = time.perf_counter()
    with db, db.cursor() as cursor:
        cursor.execute(statement)
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    # orjson does not support Decimal.
    orjson.dumps({"data": rows}, default=str)
    print(time.perf_counter() - begun, flush=True)
