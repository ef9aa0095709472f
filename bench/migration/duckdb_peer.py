"""A peer of migration: DuckDB reads the CSVs and writes to PostgreSQL by its extension, into tables without constraints.

Run as ``python duckdb_peer.py DATABASE_URL TABLES`` in the environment of requirements.lock. TABLES is JSON: {table:
CSV}. Prints the seconds. The package of the extension has the file that DuckDB would download.
"""

import json
import sys
import time
from pathlib import Path

import duckdb
import duckdb_extension_postgres_scanner as package

[extension] = Path(package.__file__).parent.glob("extensions/*/*.duckdb_extension")
with duckdb.connect() as db:
    load, attach = f"LOAD '{extension}'", f"ATTACH '{sys.argv[1]}' AS target (TYPE postgres)"
    db.execute(load)
    begun = time.perf_counter()
    db.execute(attach)
    for name, file in json.loads(sys.argv[2]).items():
        db.read_csv(file, header=True, all_varchar=True).insert_into(f"target.olist.{name}")
    print(time.perf_counter() - begun)
