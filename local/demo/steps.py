"""The steps of the demo, which use the command line and the API as a user would."""

import argparse
import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from dataforge.postgres.sql import Sql
from dataforge.runs.results.backup import BackupOutput
from dataforge.runs.results.migration import MigrationOutput
from dataforge.runs.results.restore import RestoreOutput
from local.command import dataforge
from local.config import Config
from local.demo import show
from local.generate import Expected, generate
from local.outputs import Outputs

CUSTOMER = {"customer_zip_code_prefix": "01001", "customer_city": "são paulo", "customer_state": "SP"}
ORDER = {
    "order_status": "created",
    "order_purchase_timestamp": "2018-10-17 17:30:18",
    "order_estimated_delivery_date": "2018-10-30 00:00:00",
}
DAMAGED = "order_payments"


class Failed(Exception):
    """A step or its check failed."""


@dataclass(frozen=True)
class Data:
    """The CSVs, and the expected results if they are known."""

    folder: Path
    expected: Expected | None


def dataset(folder: Path, options: argparse.Namespace) -> Data:
    """The folder of ``--data``, or a generated one."""
    if options.data is not None:
        show.line(f"The CSVs of {options.data}.")
        return Data(options.data, None)
    expected = generate(folder, orders=options.orders, seed=options.seed, dirty=options.dirty)
    rows = sum(table.read for table in expected.tables.values())
    show.line(
        f"Generated {rows:,} records in {folder}: {options.orders} orders, {options.dirty:.1%} of the rows are invalid."
    )
    return Data(folder, expected)


def migrate(config: Config, folder: Path) -> MigrationOutput:
    """`dataforge migrate`. Prints its progress and table; returns its output."""
    return MigrationOutput.model_validate(call(config, "migrate", str(folder)))


def ingest(config: Config, folder: Path) -> dict[str, Any]:
    """`dataforge ingest` of an order with its customer and payment, children first, and of two invalid records."""
    ident = "d" * 32
    payment = {"payment_sequential": 1, "payment_type": "boleto", "payment_installments": 1}
    records = [
        ("order_payments", {"order_id": ident, **payment, "payment_value": "149.90"}),
        ("orders", ORDER | {"order_id": ident, "customer_id": ident}),
        ("customers", CUSTOMER | {"customer_id": ident, "customer_unique_id": ident}),
        ("order_payments", {"order_id": "e" * 32, **payment, "payment_value": 10}),
        ("order_payments", {"order_id": ident, **payment, "payment_sequential": 2, "payment_value": "1.999"}),
    ]
    file = folder / "records.jsonl"
    file.write_text("".join(json.dumps({"table": table, "data": data}) + "\n" for table, data in records))
    show.line("Five records in one batch: three valid ones, an orphan, and a price with three decimals.")
    return call(config, "ingest", str(file), expected_exit=1)


def back_up(config: Config) -> BackupOutput:
    """`dataforge backup` of all tables, verified."""
    return BackupOutput.model_validate(call(config, "backup", "--verify"))


def damage(outputs: Outputs) -> dict[str, int]:
    """Damage the payments: delete a third and change another third. Returns the numbers."""
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        third = Sql("get_byte(decode(left(order_id, 2), 'hex'), 0) % 3")
        cursor.execute(Sql("DELETE FROM olist.order_payments WHERE {} = 0").format(third))
        deleted = cursor.rowcount
        cursor.execute(
            Sql(
                "UPDATE olist.order_payments SET payment_value = 0 WHERE {} = 1 AND payment_value > 0"
            ).format(third)
        )
        changed = cursor.rowcount
    show.line(f"{DAMAGED}: {deleted:,} rows deleted, {changed:,} set to 0.00.")
    return {"added": deleted, "removed": 0, "changed": changed}


def restore(config: Config, backup_id: str) -> RestoreOutput:
    """`dataforge restore` of the damaged table from that backup."""
    document = call(config, "restore", DAMAGED, "--backup", backup_id, "--yes")
    return RestoreOutput.model_validate(document)


def call(config: Config, *arguments: str, expected_exit: int = 0) -> dict[str, Any]:
    """A command on the demo's cloud. Returns the document that it prints."""
    target = ["--outputs", str(config.outputs)]
    return dataforge(target, *arguments, expected_exit=expected_exit, progress=True)
