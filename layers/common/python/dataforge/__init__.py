"""Declare datasets: a module in ``datasets/`` with one ``Row`` subclass for each table.

::

    from typing import Annotated
    from dataforge import Key, Money, Name, Ordinal, References, Row, Timestamp

    class Customer(Row, table="customers", file="customers.csv"):
        customer_id: Annotated[Ordinal, Key()]
        name: Name

    class Order(Row, table="orders", file="orders.csv"):
        order_id: Annotated[Ordinal, Key()]
        customer_id: Annotated[Ordinal, References("customers")]
        total: Money
        paid_at: Timestamp | None = None

========================================  =============================================================
``Text`` ``Name`` ``Label``               any text; not empty; not empty, at most 200 characters
``IndexedName`` ``HexId``                 a ``Name`` that can be a key; 32 hexadecimal digits
``VarChar(20)``                           a text with a maximum length: ``Annotated[str, VarChar(20)]``
``Integer`` ``Count`` ``Ordinal``         an integer; from 0; from 1
``SmallInt`` ``BigInt`` ``Whole``         16 bits; 64 bits; declare the bounds with ``Field``
``Money`` ``Exact`` ``Numeric(10, 2)``    numeric(10,2) from 0; bounds with ``Field``; ``Annotated[Decimal, Numeric(10, 2)]``
``Real`` ``Double`` ``Boolean``           32 and 64 bits floating point; true or false
``Date`` ``Time`` ``Timestamp``           without time zone
``TimestampTz`` ``Interval``              an instant; a length of time, also beyond 24:00
``Uuid`` ``Json`` ``Bytes``               uuid; jsonb; bytea
``ArrayOf(INTEGER)``                      an array: ``Annotated[tuple, ArrayOf(INTEGER)]``; also of ``SMALLINT``, ``BIGINT``,
                                          ``REAL``, ``DOUBLE``, ``BOOLEAN``, ``TEXT``, ``DATE``, ``TIME``, ``TIMESTAMP``,
                                          ``TIMESTAMPTZ``, ``INTERVAL``, ``UUID``, ``JSONB``, ``BYTEA``, ``Numeric(10, 2)``
``Literal["a", "b"]``                     one of these texts; ``Annotated[Literal[1, 2], INTEGER]``: one of these integers
``Key`` ``Unique`` ``References``         primary key; unique constraint; foreign key
``Header`` ``Format``                     a column's name in files, and the notation of its values there
``Csv`` ``JsonLines``                     the dialect of CSV files; files of JSON Lines with another extension
``Renamed``                               a column's former name
``Identity``                              an integer that PostgreSQL generates if a record of the API omits it
``Check`` ``Present``                     conditions on several columns, of the class: ``checks=(Check("a", "<", "b"),)``
``Clean`` ``Digest`` ``MaxBytes``         change text before validation; derived key; limit in bytes
``Row`` ``Source``                        a table; a file that fills several tables
========================================  =============================================================

Each name's docstring in ``dataforge.tables.columns`` has an example. Names are loaded on first use: importing a module such
as ``dataforge.errors`` loads neither pydantic nor the row models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataforge.formats.dialect import Csv
    from dataforge.formats.json_lines import JsonLines
    from dataforge.tables.catalogue import Source
    from dataforge.tables.checks import Check, Present
    from dataforge.tables.cleaning import Clean
    from dataforge.tables.columns import (
        BigInt,
        Boolean,
        Bytes,
        Count,
        Date,
        Digest,
        Double,
        Exact,
        Header,
        HexId,
        Identity,
        IndexedName,
        Integer,
        Interval,
        Json,
        Key,
        Label,
        MaxBytes,
        Money,
        Name,
        Ordinal,
        Real,
        References,
        Renamed,
        SmallInt,
        Text,
        Time,
        Timestamp,
        TimestampTz,
        Unique,
        Uuid,
        Whole,
    )
    from dataforge.tables.row import Row
    from dataforge.tables.types.arrays import Array as ArrayOf
    from dataforge.tables.types.documents import BOOLEAN, BYTEA, JSONB, UUID
    from dataforge.tables.types.floats import DOUBLE, REAL
    from dataforge.tables.types.interval import INTERVAL
    from dataforge.tables.types.numbers import BIGINT, INTEGER, SMALLINT, Numeric
    from dataforge.tables.types.text import TEXT
    from dataforge.tables.types.text import Text as VarChar
    from dataforge.tables.types.times import DATE, TIME, TIMESTAMP, TIMESTAMPTZ
    from dataforge.tables.value_formats import Format

_COLUMNS = "dataforge.tables.columns"
_ELSEWHERE = {
    "TEXT": ("dataforge.tables.types.text", "TEXT"),
    "INTERVAL": ("dataforge.tables.types.interval", "INTERVAL"),
    "REAL": ("dataforge.tables.types.floats", "REAL"),
    "DOUBLE": ("dataforge.tables.types.floats", "DOUBLE"),
    "TIMESTAMPTZ": ("dataforge.tables.types.times", "TIMESTAMPTZ"),
    "TIMESTAMP": ("dataforge.tables.types.times", "TIMESTAMP"),
    "TIME": ("dataforge.tables.types.times", "TIME"),
    "DATE": ("dataforge.tables.types.times", "DATE"),
    "UUID": ("dataforge.tables.types.documents", "UUID"),
    "JSONB": ("dataforge.tables.types.documents", "JSONB"),
    "BYTEA": ("dataforge.tables.types.documents", "BYTEA"),
    "BOOLEAN": ("dataforge.tables.types.documents", "BOOLEAN"),
    "ArrayOf": ("dataforge.tables.types.arrays", "Array"),
    "BIGINT": ("dataforge.tables.types.numbers", "BIGINT"),
    "Check": ("dataforge.tables.checks", "Check"),
    "Clean": ("dataforge.tables.cleaning", "Clean"),
    "Csv": ("dataforge.formats.dialect", "Csv"),
    "Format": ("dataforge.tables.value_formats", "Format"),
    "INTEGER": ("dataforge.tables.types.numbers", "INTEGER"),
    "JsonLines": ("dataforge.formats.json_lines", "JsonLines"),
    "Numeric": ("dataforge.tables.types.numbers", "Numeric"),
    "Present": ("dataforge.tables.checks", "Present"),
    "Row": ("dataforge.tables.row", "Row"),
    "SMALLINT": ("dataforge.tables.types.numbers", "SMALLINT"),
    "Source": ("dataforge.tables.catalogue", "Source"),
    "VarChar": ("dataforge.tables.types.text", "Text"),
}
"""The names that other modules define: their module, and their name there."""

__all__ = [
    "BIGINT",
    "BOOLEAN",
    "BYTEA",
    "DATE",
    "DOUBLE",
    "INTEGER",
    "INTERVAL",
    "JSONB",
    "REAL",
    "SMALLINT",
    "TEXT",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "UUID",
    "ArrayOf",
    "BigInt",
    "Boolean",
    "Bytes",
    "Check",
    "Clean",
    "Count",
    "Csv",
    "Date",
    "Digest",
    "Double",
    "Exact",
    "Format",
    "Header",
    "HexId",
    "Identity",
    "IndexedName",
    "Integer",
    "Interval",
    "Json",
    "JsonLines",
    "Key",
    "Label",
    "MaxBytes",
    "Money",
    "Name",
    "Numeric",
    "Ordinal",
    "Present",
    "Real",
    "References",
    "Renamed",
    "Row",
    "SmallInt",
    "Source",
    "Text",
    "Time",
    "Timestamp",
    "TimestampTz",
    "Unique",
    "Uuid",
    "VarChar",
    "Whole",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _ELSEWHERE.get(name, (_COLUMNS, name))
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
