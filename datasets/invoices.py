"""Invoices as a German accounting program exports them: semicolons, Windows-1252, decimal commas, German headers.

``python -m local.examples FOLDER`` writes files.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import StringConstraints

from dataforge import (
    Boolean,
    Clean,
    Csv,
    Date,
    Format,
    Header,
    Key,
    Label,
    Name,
    Numeric,
    References,
    Row,
    Text,
)

EXAMPLE = True
FORMAT = Csv(delimiter=";", encoding="cp1252")
VALUE_FORMAT = Format(dates="%d.%m.%Y", decimal=",", thousands=".", symbols=("€", "%"))

# A spreadsheet has removed leading zeros.
ClientNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), Clean(pad="0", width=6)]
Postcode = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$"), Clean(pad="0", width=5)]


class Client(Row, table="clients", file="Kunden.csv"):
    """A client who receives invoices."""

    number: Annotated[ClientNumber, Key(), Header("Kunden-Nr.")]
    name: Annotated[Name, Header("Name")]
    postcode: Annotated[Postcode, Header("PLZ")]
    city: Annotated[Name, Header("Ort")]
    since: Annotated[Date, Header("Kunde seit")]
    discount: Annotated[Decimal, Numeric(4, 2), Header("Rabatt")] = Decimal(0)


class Invoice(Row, table="invoices", file="Rechnungen.csv"):
    """An invoice, and whether it is paid."""

    number: Annotated[Label, Key(), Header("Rechnungs-Nr.")]
    client: Annotated[ClientNumber, References("clients"), Header("Kunden-Nr.")]
    issued: Annotated[Date, Header("Datum")]
    net: Annotated[Decimal, Numeric(12, 2), Header("Betrag netto")]
    vat: Annotated[Decimal, Numeric(4, 1), Header("USt-Satz")]
    paid: Annotated[Boolean, Header("bezahlt"), Format(true=("Ja",), false=("Nein",))]
    remark: Annotated[Text, Header("Bemerkung")] | None = None
