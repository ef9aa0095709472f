"""Generate Olist files of two tables, customers and orders, of any size."""

from __future__ import annotations

from pathlib import Path

import duckdb

ORDERS, CUSTOMERS = "olist_orders_dataset", "olist_customers_dataset"
TABLES = ("customers", "orders")

_ORDER_BYTES = 184
"""Of an order, and its share of a customer."""
_ORDERS_OF_CUSTOMER = 10
_ONE_IN = 20
"""Of dirty files, one row in this many is invalid, duplicate, in conflict or an orphan."""

_KIND = f"CASE WHEN i % {_ONE_IN} = {_ONE_IN - 1} THEN i // {_ONE_IN} % 5 ELSE -1 END"
"""The kind of dirt of a row; below 0: none."""
_DAYS = (
    "strftime(TIMESTAMP '2017-01-01' + to_seconds((hash({}, '{}') % 60000000)::BIGINT), '%Y-%m-%d %H:%M:%S')"
)


def generate(folder: Path, megabytes: int, *, dirty: bool = False, form: str = "csv") -> None:
    """Write the files; as CSV they have about ``megabytes`` MiB of text. The same arguments result in the same files.

    ``form``: the end of their names.
    """
    folder.mkdir(parents=True)
    orders = megabytes * 2**20 // _ORDER_BYTES
    customers = orders // _ORDERS_OF_CUSTOMER
    kind = _KIND if dirty else "-1"
    _write(folder / f"{CUSTOMERS}.{form}", customers, _customer(kind))
    _write(folder / f"{ORDERS}.{form}", orders, _order(kind, customers))


def _customer(kind: str) -> dict[str, str]:
    return {
        "customer_id": f"CASE WHEN {kind} >= 0 THEN 'unknown' ELSE md5('customer' || i) END",
        "customer_unique_id": "md5('person' || i)",
        "customer_zip_code_prefix": "lpad((hash(i) % 100000)::VARCHAR, 5, '0')",
        "customer_city": "['são paulo', 'rio de janeiro', 'belo horizonte'][1 + (hash(i) % 3)::INT]",
        "customer_state": "['SP', 'RJ', 'MG'][1 + (hash(i) % 3)::INT]",
    }


def _order(kind: str, customers: int) -> dict[str, str]:
    """Of the dirty rows, one fifth each has no moment, an unknown status, no customer, another row, or its key."""
    copied = f"(i - CASE WHEN {kind} = 3 THEN 1 ELSE 0 END)"
    # Customers whose own row is dirty have no orders.
    customer = f"hash({copied}, 'c') % {customers} // {_ONE_IN} * {_ONE_IN}"
    bought = _DAYS.format(copied, "bought")
    return {
        "order_id": f"md5('order' || (i - CASE WHEN {kind} >= 3 THEN 1 ELSE 0 END))",
        "customer_id": f"CASE WHEN {kind} = 2 THEN md5('none' || i) ELSE md5('customer' || {customer}) END",
        "order_status": f"CASE WHEN {kind} = 1 THEN 'lost' ELSE 'delivered' END",
        "order_purchase_timestamp": f"CASE WHEN {kind} = 0 THEN 'unknown' ELSE {bought} END",
        "order_approved_at": _DAYS.format(copied, "approved"),
        "order_delivered_carrier_date": _DAYS.format(copied, "sent"),
        "order_delivered_customer_date": _DAYS.format(copied, "delivered"),
        "order_estimated_delivery_date": _DAYS.format(copied, "estimated"),
    }


def _write(path: Path, rows: int, columns: dict[str, str]) -> None:
    selected = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    with duckdb.connect() as db:
        made = db.table_function("range", [rows]).project("range AS i").project(selected)
        if path.suffix == ".parquet":
            made.write_parquet(str(path))
        else:
            made.write_csv(str(path), header=True, compression="gzip" if path.suffix == ".gz" else None)
