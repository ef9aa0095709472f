"""Files in declared dialects are migrated unchanged, with declared types, headers and value formats."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from dataforge.formats.dialect import Csv
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import (
    Boolean,
    Date,
    Header,
    Integer,
    Key,
    Name,
    TimestampTz,
)
from dataforge.tables.row import Row
from dataforge.tables.types.numbers import Numeric
from dataforge.tables.value_formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres.migrate.conftest import Forge

Amount = Annotated[Decimal, Numeric(12, 2), Format(decimal=",", thousands=".", symbols=("€",)), Clean()]


class Invoice(Row, table="invoices", file="Rechnungen.txt"):
    """An invoice as a European program exports it."""

    number: Annotated[Integer, Key(), Header("Rechnungs-Nr.")]
    issued: Annotated[Date, Header("Datum"), Format(dates="%d.%m.%Y")]
    customer: Annotated[Name, Header("Kunde")]
    total: Annotated[Amount, Header("Betrag (€)")]
    paid: Annotated[Boolean, Header("bezahlt"), Format(true=("Ja",), false=("Nein",))] | None = None
    changed: Annotated[TimestampTz, Header("Geändert"), Format(epoch="ms")] | None = None


EUROPEAN = Csv(delimiter=";", encoding="cp1252", null=("", "k.A."), skip=1, skip_footer=1)
EXPORT = """Export vom 31.01.2020
"Rechnungs-Nr.";Datum;Kunde;"Betrag (€)";bezahlt;"Geändert"
1;31.01.2020;Müller;1.234,50 €;Ja;1580428800000
2;1.2.2020;"Groß; Söhne";0,99;Nein;
3;32.01.2020;Weiß;1,00;Ja;
4;02.02.2020;Jörg;12.34;Ja;
5;02.02.2020;"Über ""Nacht"" GmbH";7;k.A.;k.A.
Summe;;;1.243,49;;
"""


def put(forge: Forge, key: str, body: bytes) -> None:
    forge.s3.put_object(Bucket="raw", Key=key, Body=body)


def test_european_export_is_read_as_it_is(declare: Callable[..., Forge]) -> None:
    forge = declare("shop", Invoice=Invoice, FORMAT=EUROPEAN)
    put(forge, "shop/Rechnungen.txt", EXPORT.encode("cp1252"))
    counts = forge.migrate(dataset="shop", quality_threshold=0)
    assert (counts["invoices"]["read"], counts["invoices"]["loaded"], counts["invoices"]["rejected"]) == (
        5,
        3,
        2,
    )
    assert forge.rows("invoices", "shop") == [
        '(1,2020-01-31,Müller,1234.50,t,"2020-01-31 00:00:00+00")',
        '(2,2020-02-01,"Groß; Söhne",0.99,f,)',
        '(5,2020-02-02,"Über ""Nacht"" GmbH",7.00,,)',
    ]
    assert forge.rejections("line", "codes", "raw") == [
        (5, "date_parsing", "3;32.01.2020;Weiß;1,00;Ja;"),
        (6, "decimal_parsing", "4;02.02.2020;Jörg;12.34;Ja;"),
    ]
    assert forge.migrate(dataset="shop", quality_threshold=0)["invoices"]["unchanged"] == 3


def test_rejection_of_a_declared_dialect_is_replayed(declare: Callable[..., Forge]) -> None:
    forge = declare("shop", Invoice=Invoice, FORMAT=EUROPEAN)
    put(forge, "shop/Rechnungen.txt", EXPORT.encode("cp1252"))
    forge.migrate(dataset="shop", quality_threshold=0)
    ((run,),) = forge.database.query("SELECT migration_id FROM dataforge.migrations")
    counts = forge.migrate(dataset="shop", quality_threshold=0, replay={"migration_id": run})
    assert (counts["invoices"]["read"], counts["invoices"]["rejected"]) == (2, 2)


PARALLEL = Csv(delimiter=";", encoding="cp1252", null=("", "k.A."), skip=1, short_records=True)
CONFLICTING = (
    EXPORT.replace("Summe;;;1.243,49;;", '7;03.02.2020;"a\nb";1,00\n2;03.02.2020;Zwei;1,00;;') + 'x";1\n\n'
)


def outcome(forge: Forge, chunk_bytes: int = 1 << 20) -> tuple[Any, Any]:
    """The counts and the rejections of a migration."""
    counts = forge.migrate(chunk_bytes, dataset="shop", quality_threshold=0)["invoices"]
    return counts, forge.rejections("line", "offset", "codes", "raw")


@pytest.mark.parametrize(("end", "chunk_bytes"), [("\n", 64), ("\r\n", 90), ("\r", 64)])
def test_file_is_read_in_chunks_as_in_one_piece(
    declare: Callable[..., Forge], end: str, chunk_bytes: int
) -> None:
    whole = declare("shop", Invoice=Invoice, FORMAT=replace(PARALLEL, comment="#"))
    put(whole, "shop/Rechnungen.txt", CONFLICTING.replace("\n", end).encode("cp1252"))
    counts, rejections = outcome(whole)
    rows = whole.rows("invoices", "shop")
    whole.database.query("TRUNCATE shop.invoices, dataforge.rejections")
    cut = declare("shop", Invoice=Invoice, FORMAT=PARALLEL)
    assert outcome(cut, chunk_bytes) == (counts, rejections)
    assert cut.rows("invoices", "shop") == rows
    assert (counts["read"], counts["loaded"], len(rejections)) == (8, 4, 4)


def test_conflict_in_a_declared_dialect_is_located(declare: Callable[..., Forge]) -> None:
    forge = declare("shop", Invoice=Invoice, FORMAT=EUROPEAN)
    export = EXPORT.replace("2;1.2.2020;", "1;1.2.2020;")
    put(forge, "shop/Rechnungen.txt", export.encode("cp1252"))
    forge.migrate(dataset="shop", quality_threshold=0)
    assert (4, "conflict", '1;1.2.2020;"Groß; Söhne";0,99;Nein;') in forge.rejections("line", "codes", "raw")


def test_formats_hold_for_files_in_the_standard_dialect(declare: Callable[..., Forge]) -> None:
    forge = declare("shop", Invoice=Invoice)
    rows = "".join(f'{n},01.02.2020,K,"1.000,{n % 100:02}",Nein,{n}\n' for n in range(300))
    header = '"Rechnungs-Nr.",Datum,Kunde,"Betrag (€)",bezahlt,Geändert\n'
    put(forge, "shop/Rechnungen.txt", (header + rows).encode())
    assert forge.migrate(dataset="shop", chunk_bytes=1000)["invoices"]["loaded"] == 300
    assert '(7,2020-02-01,K,1000.07,f,"1970-01-01 00:00:00.007+00")' in forge.rows("invoices", "shop")
