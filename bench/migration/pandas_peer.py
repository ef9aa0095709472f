"""A peer of migration: pandas' ``to_sql`` with 1,000 rows per INSERT, into tables without constraints.

Run as ``python pandas_peer.py DATABASE_URL TABLES`` in the environment of requirements.lock. TABLES is JSON: {table:
[CSV, number of rows to load]}. Prints the seconds.
"""

import json
import sys
import time

import pandas as pd
from sqlalchemy import create_engine

engine = create_engine(sys.argv[1].replace("postgresql://", "postgresql+psycopg2://"))
begun = time.perf_counter()
for name, (file, rows) in json.loads(sys.argv[2]).items():
    frame = pd.read_csv(file, dtype=str, nrows=rows)
    frame.to_sql(name, engine, index=False, method="multi", chunksize=1000)
print(time.perf_counter() - begun)
