"""The demo's steps, done as a user would: through the command line."""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.config import Config
from local.demo import show
from local.generate import Expected, generate

CUSTOMER = {"customer_zip_code_prefix": "01001", "customer_city": "são paulo", "customer_state": "SP"}
ORDER = {
    "order_status": "created",
    "order_purchase_timestamp": "2018-10-17 17:30:18",
    "order_estimated_delivery_date": "2018-10-30 00:00:00",
}


class Failed(Exception):
    """A step did not do its work, or its check did not hold."""


@dataclass(frozen=True)
class Data:
    """The CSVs, and what must become of them where that is known."""

    folder: Path
    expected: Expected | None


def dataset(folder: Path, asked: argparse.Namespace) -> Data:
    """The user's folder, or a generated one."""
    if asked.data is not None:
        if not asked.data.is_dir():
            raise Failed(f"{asked.data} is no folder.")
        show.line(f"The CSVs of {asked.data}.")
        return Data(asked.data, None)
    made = generate(folder, orders=asked.orders, seed=asked.seed, dirty=asked.dirty)
    rows = sum(table.read for table in made.tables.values())
    show.line(
        f"Generated {rows:,} records in {folder}: {asked.orders} orders, {asked.dirty:.1%} of the rows dirty."
    )
    return Data(folder, made)


def migrate(config: Config, folder: Path) -> dict[str, Any]:
    """`dataforge migrate`; its progress and table go to the screen, the JSON it prints is returned."""
    return _dataforge(config, "migrate", str(folder))


def ingest(config: Config, folder: Path) -> dict[str, Any]:
    """`dataforge ingest` of an order with its customer and payment, children first, and of two bad records."""
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
    show.line("Five records in one batch: three good ones, an orphan, and a price with three decimals.")
    return _dataforge(config, "ingest", str(file), expected_exit=1)


def _dataforge(config: Config, *arguments: str, expected_exit: int = 0) -> dict[str, Any]:
    command = [sys.executable, "-m", "dataforge_cli", *arguments, "--outputs", str(config.outputs), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != expected_exit:
        raise Failed(f"`dataforge {' '.join(arguments)}` ended with {done.returncode}: {done.stdout.strip()}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result
