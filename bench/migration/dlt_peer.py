"""A peer of migration: Arrow tables through dlt's CSV loader, into tables without constraints whose columns are all text.

Run as ``python dlt_peer.py DATABASE_URL TABLES`` in the environment of requirements.lock. TABLES is JSON: {table:
CSV}. Prints the seconds.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import dlt
import pyarrow as pa
import pyarrow.csv as pacsv


def read(file: str) -> Iterator[pa.Table]:
    """The file's records, some at a time."""
    with Path(file).open() as text:
        names = text.readline().strip().replace('"', "").split(",")
    texts = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    for batch in pacsv.open_csv(
        file, parse_options=pacsv.ParseOptions(newlines_in_values=True), convert_options=texts
    ):
        yield pa.Table.from_batches([batch])


with tempfile.TemporaryDirectory() as folder:
    begun = time.perf_counter()
    pipeline = dlt.pipeline(
        "bench", folder, destination=dlt.destinations.postgres(sys.argv[1]), dataset_name="by_dlt"
    )
    tables = json.loads(sys.argv[2]).items()
    pipeline.run([dlt.resource(read(file), name=name) for name, file in tables], loader_file_format="csv")
    print(time.perf_counter() - begun)
