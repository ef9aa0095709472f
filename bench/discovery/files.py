"""Generate a folder of 100 CSVs: the tables of a shop, with references, missing values and a little dirt."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb

FILES = 100


class _Table(NamedTuple):
    """``share``: of all records. ``columns``: expressions of DuckDB over ``i``, the number of the record from 0."""

    share: float
    files: int
    columns: dict[str, str]


def _number(salt: str, below: str) -> str:
    """A number from 0 to ``below``."""
    return f"(hash(i, '{salt}') % {below})::BIGINT"


def _pick(*texts: str) -> str:
    listed = ", ".join(f"'{text}'" for text in texts)
    return f"[{listed}][1 + {_number(texts[0], str(len(texts)))}]"


def _when(salt: str) -> str:
    return f"strftime(TIMESTAMP '2023-01-01' + to_seconds({_number(salt, '60000000')}), '%Y-%m-%d %H:%M:%S')"


def _rarely(salt: str, dirt: str, value: str, one_in: int = 5000) -> str:
    return f"CASE WHEN {_number(salt, str(one_in))} = 0 THEN {dirt} ELSE ({value})::VARCHAR END"


def _letters(*numbers: str) -> str:
    return " || ".join(f"chr((65 + {number})::INTEGER)" for number in numbers)


_COUNTRY = _letters(_number("a", "10"), _number("b", "20"))
_FIRST = _pick("Ada", "Béla", "Chen", "Dilara", "Émile", "Fatou", "Grace", "Hiroshi", "Inés", "Jan")
_LAST = _pick("Okafor", "Müller", "O''Brien", "Silva", "Tanaka", "Novák", "de Vries", "Smith", "Rossi")
_WORDS = (
    f"concat_ws(' ', {_pick('Good', 'Late', 'As described', 'Broken')}, 'parcel', {_number('w', '9000')})"
)
_CUSTOMER, _PRODUCT, _ORDER = "md5('customer' || {})", "1000 + {}", "500000 + {}"

TABLES = {
    "countries": _Table(
        0,
        1,
        {"country_code": _letters("i // 20", "i % 20"), "name": "'Country ' || i"},
    ),
    "suppliers": _Table(
        0.01,
        1,
        {
            "supplier_id": "i + 1",
            "name": "'Supplier ' || i || ' Ltd'",
            "country_code": _COUNTRY,
            "phone": f"'+49 ' || {_number('p', '90000000')}",
            "active": _pick("true", "false"),
        },
    ),
    "customers": _Table(
        0.08,
        8,
        {
            "customer_id": _CUSTOMER.format("i"),
            "first_name": _FIRST,
            "last_name": _LAST,
            "email": f"lower({_pick('ada', 'chen', 'jan', 'ines')}) || i || '@example.com'",
            "country_code": _COUNTRY,
            "zip": f"lpad({_number('z', '100000')}::VARCHAR, 5, '0')",
            "created_at": _when("created"),
        },
    ),
    "products": _Table(
        0.02,
        2,
        {
            "product_id": _PRODUCT.format("i"),
            "sku": "'SKU-' || lpad(i::VARCHAR, 8, '0')",
            "supplier_id": f"1 + {_number('s', '{suppliers}')}",
            "title": f"'Product, no. ' || i || ' ' || {_pick('red', 'blue', 'green')}",
            "category": _pick("toys", "books", "garden", "kitchen", "music"),
            "price": f"printf('%.2f', {_number('p', '99999')} / 100.0)",
            "weight_g": _rarely("w", "NULL", _number("weight", "5000"), 10),
        },
    ),
    "orders": _Table(
        0.18,
        18,
        {
            "order_id": _ORDER.format("i"),
            "customer_id": _CUSTOMER.format(f"({_number('c', '{customers}')} )"),
            "ordered_at": _rarely("dirt", "'unknown'", _when("ordered")),
            "delivered_on": _rarely("d", "NULL", f"DATE '2023-01-01' + {_number('day', '700')}::INT", 20),
            "status": _pick("created", "paid", "shipped", "delivered", "canceled"),
            "total": f"printf('%.2f', {_number('t', '999999')} / 100.0)",
        },
    ),
    "order_items": _Table(
        0.32,
        32,
        {
            "order_id": _ORDER.format("(i // 2) % {orders}"),
            "line": "1 + i % 2",
            "product_id": _PRODUCT.format(_number("p", "{products}")),
            "quantity": f"1 + {_number('q', '9')}",
            "unit_price": _rarely("dirt", "'1.2.3'", f"printf('%.2f', {_number('u', '99999')} / 100.0)"),
            "discount": f"printf('%.3f', {_number('d', '300')} / 1000.0)",
        },
    ),
    "payments": _Table(
        0.18,
        18,
        {
            "payment_id": "md5('payment' || i)::UUID",
            "order_id": _rarely("orphan", "'1'", _ORDER.format(_number("o", "{orders}"))),
            "method": _pick("card", "transfer", "voucher", "cash"),
            "amount": f"printf('%.2f', {_number('a', '999999')} / 100.0)",
            "paid_at": _when("paid"),
        },
    ),
    "shipments": _Table(
        0.12,
        12,
        {
            "shipment_id": "i + 1",
            "order_id": _ORDER.format(_number("o", "{orders}")),
            "tracking_number": "upper(substr(md5('track' || i), 1, 16))",
            "carrier": _pick("North Post", "Express 24", "Harbour"),
            "latitude": f"printf('%.6f', {_number('lat', '180000000')} / 1e6 - 90)",
            "longitude": f"printf('%.6f', {_number('lng', '360000000')} / 1e6 - 180)",
            "shipped_at": f"strftime({_when('ship')}::TIMESTAMP, '%Y-%m-%dT%H:%M:%SZ')",
        },
    ),
    "reviews": _Table(
        0.06,
        6,
        {
            "review_id": "md5('review' || i)",
            "order_id": _ORDER.format(_number("o", "{orders}")),
            "score": f"1 + {_number('s', '5')}",
            "comment": _rarely("none", "NULL", f"{_WORDS} || ', \"' || {_WORDS} || '\".'", 3),
            "created_at": _when("review"),
        },
    ),
    "employees": _Table(
        0.03,
        2,
        {
            "employee_id": "i + 1",
            "manager_id": "CASE WHEN i > 9 THEN 1 + i // 10 END",
            "first_name": _FIRST,
            "last_name": _LAST,
            "hired_on": f"DATE '2010-01-01' + {_number('h', '5000')}::INT",
            "salary": f"{_number('s', '90000')} + 20000",
        },
    ),
}


def generate(folder: Path, records: int) -> int:
    """Write the files, ``table_NN.csv``; returns the bytes. The same number of records gives the same files."""
    folder.mkdir(parents=True)
    sizes = {name: int(table.share * records) or 200 for name, table in TABLES.items()}
    with duckdb.connect() as db:
        for name, table in TABLES.items():
            columns = ", ".join(
                f"{value.format(**sizes)} AS {column}" for column, value in table.columns.items()
            )
            for number in range(table.files):
                first, end = (sizes[name] * step // table.files for step in (number, number + 1))
                path = folder / (f"{name}_{number + 1:02}.csv" if table.files > 1 else f"{name}.csv")
                numbers = db.table_function("range", [first, end]).project("range AS i")
                numbers.project(columns).write_csv(str(path), header=True)
    return sum(path.stat().st_size for path in folder.iterdir())
