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
``Integer`` ``Count`` ``Ordinal``         an integer; from 0; from 1
``Whole`` ``Exact``                       an integer, a decimal: declare the bounds with ``Field``
``Money`` ``Double`` ``Timestamp``        numeric(10,2) from 0; double precision; without time zone
``bool`` ``Literal["a", "b"]``            true or false; one of these texts
``Key`` ``References``                    primary key; foreign key
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
    from dataforge.tables.catalogue import Row, Source
    from dataforge.tables.columns import (
        Clean,
        Count,
        Digest,
        Double,
        Exact,
        HexId,
        IndexedName,
        Integer,
        Key,
        Label,
        MaxBytes,
        Money,
        Name,
        Ordinal,
        References,
        Text,
        Timestamp,
        Whole,
    )

__all__ = [
    "Clean",
    "Count",
    "Digest",
    "Double",
    "Exact",
    "HexId",
    "IndexedName",
    "Integer",
    "Key",
    "Label",
    "MaxBytes",
    "Money",
    "Name",
    "Ordinal",
    "References",
    "Row",
    "Source",
    "Text",
    "Timestamp",
    "Whole",
]

_CATALOGUE = {"Row", "Source"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "dataforge.tables.catalogue" if name in _CATALOGUE else "dataforge.tables.columns"
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
