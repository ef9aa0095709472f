"""The peer of delivery: a SELECT fetched by psycopg2 and dumped by orjson, as hand-written code.

Run as ``python deliver_peer.py DATABASE_URL`` in the environment of requirements.lock. Each line of its input is a SELECT
and whether to compress, as a JSON array; each line of its output the seconds and the CPU seconds that it took.
"""

import gzip
import json
import sys
import time

import orjson
import psycopg2

db = psycopg2.connect(sys.argv[1])
# A SELECT needs no BEGIN and COMMIT.
db.autocommit = True
for line in sys.stdin:
    statement, compress = json.loads(line)
    begun, used = time.perf_counter(), time.process_time()
    with db.cursor() as cursor:
        cursor.execute(statement)
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    # orjson does not support Decimal.
    body = orjson.dumps({"data": rows}, default=str)
    if compress:
        gzip.compress(body, 1, mtime=0)
    print(time.perf_counter() - begun, time.process_time() - used, flush=True)
