"""Files that `dataforge ingest` reads in the format that their dataset declares."""

from __future__ import annotations

import bz2
import json
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Annotated

import pytest

from dataforge.formats.dialect import Csv
from dataforge.tables.columns import Date, Header, Integer, Key, Name
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from dataforge.tables.types.numbers import Numeric
from dataforge.tables.value_formats import Format
from dataforge_cli.records.json_lines import Sent, Unreadable
from dataforge_cli.records.sources import BadFile, Form, find_source


class Invoice(Row, table="invoices", file="Rechnungen.txt", ignore=("Sonst",)):
    """An invoice."""

    number: Annotated[Integer, Key(), Header("Nr.")]
    issued: Annotated[Date, Header("Datum"), Format(dates="%d.%m.%Y")] | None = None
    total: Annotated[Decimal, Numeric(12, 2), Header("Betrag"), Format(decimal=",", null=("-1",))] | None = (
        None
    )


class Customer(Row, table="customers", file="Kunden-*.csv", format=Csv()):
    """A customer."""

    number: Annotated[Integer, Key(), Header("Nr.")]
    name: Name


module = ModuleType("shop")
vars(module).update(Invoice=Invoice, Customer=Customer, FORMAT=Csv(delimiter=";", encoding="cp1252", skip=1))
SHOP = read_dataset(module)


def read(path: Path, table: str | None = None, form: Form | None = None) -> list[tuple[str, object]]:
    with find_source(path, form, SHOP, table).records() as records:
        return [
            (r.table, json.loads(r.data)) if isinstance(r, Sent) else (r.code, json.loads(r.kept)["data"])
            for r in records
        ]


def test_csv_is_read_in_its_declared_dialect(tmp_path: Path) -> None:
    text = "Export\nNr.;Datum;Sonst;Betrag\n1;31.01.2020;x;1,50\n2;;;-1\n3;Ü\n"
    (tmp_path / "Rechnungen.txt").write_bytes(text.encode("cp1252"))
    (tmp_path / "other.csv.bz2").write_bytes(bz2.compress(text.encode("cp1252")))
    expected = [
        ("invoices", {"number": "1", "issued": "2020-01-31", "total": "1.50"}),
        ("invoices", {"number": "2"}),
        ("field_count", {"csv": "3;Ü"}),
    ]
    assert read(tmp_path / "Rechnungen.txt") == expected
    assert read(tmp_path / "other.csv.bz2", "invoices") == expected


def test_standard_csv_of_a_pattern_is_read_with_its_headers(tmp_path: Path) -> None:
    (tmp_path / "Kunden-1.csv").write_text("name,Nr.\na,1\n")
    assert read(tmp_path / "Kunden-1.csv") == [("customers", {"name": "a", "number": "1"})]


def test_header_that_differs_from_the_declaration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Rechnungen.txt").write_text("Export\nNr.;Datum;Summe\n")
    with pytest.raises(BadFile, match="Summe"):
        read(tmp_path / "Rechnungen.txt")


def test_json_lines_have_the_declared_keys_and_keep_the_text_of_numbers(tmp_path: Path) -> None:
    lines = [
        '{"Nr.": 1, "Datum": "31.01.2020", "Sonst": {}, "Betrag": 1.50}',
        '{"Nr.": 2, "Betrag": -1, "other": null}',
        '{"number": 3}',
        '{"table": "customers", "data": {"number": 4}}',
        '{"Nr.": 5, "number": 5}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    with find_source(tmp_path / "a.jsonl", None, SHOP, "invoices").records() as records:
        *sent, last = records
    assert [(r.table, r.data) for r in sent if isinstance(r, Sent)] == [
        ("invoices", '{"number":1,"issued":"2020-01-31","total":1.50}'),
        ("invoices", '{"number":2,"other":null}'),
        ("invoices", '{"number": 3}'),
        ("customers", '{"number": 4}'),
    ]
    assert isinstance(last, Unreadable)
    assert "column number" in last.reason
