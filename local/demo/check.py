"""The demo's checks, independent of the checked code.

CSVs are counted with Python's csv module, tables by SQL.
"""

import csv
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from dataforge.postgres.sql import Sql, ident
from dataforge.runs.results.migration import COUNTS, MigrationOutput, TableCounts
from dataforge.runs.results.restore import RestoreOutput
from dataforge.tables.datasets import get_dataset
from local.demo import show
from local.demo.steps import Data, Failed
from local.outputs import Outputs


def reconciled(outputs: Outputs, output: MigrationOutput, data: Data) -> None:
    """Every table has the rows of the report and of the files; for generated data, exactly the expected counts."""
    dataset = get_dataset(output.dataset)
    stored, rejected = _stored(outputs, output)
    show.line(f"{'table':24}{'in the file':>12}{'in the database':>17}{'rejections':>17}")
    for row in output.tables:
        name, file = row.table, dataset.table(row.table).file
        if file is None:
            continue
        records = _records(data.folder / file)
        show.line(f"{name:24}{records:>12,}{stored[name]:>17,}{rejected.get(name, 0):>17,}")
        same(f"{name}: records in the file and read", records, row.read)
        same(f"{name}: read and the sum of the other counts", row.read, sum_of_results(row))
        same(f"{name}: rows stored and loaded", stored[name], row.loaded + row.unchanged)
        same(f"{name}: rejections stored and counted", rejected.get(name, 0), row.rejected)
        if data.expected is not None:
            wanted = data.expected.tables[name]
            for count in ("read", "loaded", "deduplicated", "rejected"):
                same(f"{name}: {count} as generated", getattr(row, count), getattr(wanted, count))
    show.line(
        "Files, report and database agree"
        + (" with each other and with the generator." if data.expected else ".")
    )


def unchanged(outputs: Outputs, first: MigrationOutput, second: MigrationOutput) -> None:
    """The second run of the same files loaded nothing, and the tables are unchanged."""
    stored, _ = _stored(outputs, second)
    for before, after in zip(first.tables, second.tables, strict=True):
        same(f"{after.table}: rows loaded by the second run", after.loaded, 0)
        same(f"{after.table}: unchanged rows", after.unchanged, before.loaded)
        same(f"{after.table}: rows stored", stored[after.table], before.loaded)
    show.line("No row was loaded again, and the tables are unchanged.")


def ingested(outputs: Outputs, first: dict[str, Any], again: dict[str, Any]) -> None:
    """The valid records are stored once; the invalid ones are rejections, one for each time they were sent."""
    same("records inserted", first["counts"]["inserted"], 3)
    same("records rejected", first["counts"]["rejected"], 2)
    same("records unchanged when sent again", again["counts"]["unchanged"], 3)
    with closing(psycopg2.connect(outputs["database_url"])) as db, db.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM olist.customers WHERE customer_id = repeat('d', 32)),"
            " (SELECT count(*) FROM olist.orders WHERE order_id = repeat('d', 32)),"
            " (SELECT count(*) FROM olist.order_payments WHERE order_id = repeat('d', 32)),"
            " (SELECT count(*) FROM dataforge.rejections WHERE batch_id IS NOT NULL)"
        )
        (found,) = cursor.fetchall()
    for what, number, wanted in zip(
        ("customers", "orders", "payments", "rejections"), found, (1, 1, 1, 4), strict=True
    ):
        same(f"{what} of the batch in the database", number, wanted)
    show.line(
        "Three records are stored, once; the others are stored as rejections: " + ", ".join(first["codes"])
    )


def content(outputs: Outputs, table: str) -> str:
    """A hash of the table's rows, computed independently of Data Forge."""
    with closing(psycopg2.connect(outputs["database_url"])) as db, db.cursor() as cursor:
        name = Sql("{}.{}").format(ident("olist"), ident(table))
        cursor.execute(
            Sql(
                "SELECT encode(sha256(convert_to(string_agg(t::text, E'\\n' ORDER BY t::text), 'UTF8')), 'hex') FROM {} t"
            ).format(name)
        )
        ((found,),) = cursor.fetchall()
    return str(found)


def restored(before: str, damaged: str, after: str, lost: dict[str, int], output: RestoreOutput) -> None:
    """The table is byte for byte the same as before the damage, and the restore reported the changed rows."""
    show.line(f"hash before the damage {before[:16]}…, after it {damaged[:16]}…, restored {after[:16]}…")
    if damaged == before:
        raise Failed("The table was not changed by the damage.")
    if after != before:
        raise Failed("The restored table differs from the table before the damage.")
    for name, number in lost.items():
        same(f"rows {name} by the restore", getattr(output, name), number)
    show.line(
        f"The restored table equals the original. The replaced rows are the safety backup {output.safety_backup}."
    )


def _records(file: Path) -> int:
    """The number of records of a CSV, without header and empty lines. Invalid UTF-8 does not matter."""
    with file.open(encoding="latin-1", newline="") as text:
        return sum(1 for record in csv.reader(text) if record) - 1


def _stored(outputs: Outputs, output: MigrationOutput) -> tuple[dict[str, int], dict[str, int]]:
    """Rows per table, and rejections of this migration per table."""
    with closing(psycopg2.connect(outputs["database_url"])) as db, db.cursor() as cursor:
        rows = {}
        for table in output.tables:
            name = Sql("{}.{}").format(ident(output.dataset), ident(table.table))
            cursor.execute(Sql("SELECT count(*) FROM {}").format(name))
            ((rows[table.table],),) = cursor.fetchall()
        cursor.execute(
            'SELECT "table", count(*) FROM dataforge.rejections WHERE migration_id = %s GROUP BY 1',
            (output.migration_id,),
        )
        return rows, dict(cursor.fetchall())


def sum_of_results(counts: TableCounts) -> int:
    """The sum of the counts that divide the read records."""
    return sum(getattr(counts, name) for name in COUNTS if name != "read")


def same(what: str, one: int, other: int) -> None:
    """Raise ``Failed`` unless both numbers are equal."""
    if one != other:
        raise Failed(f"{what} differ: {one} and {other}.")
