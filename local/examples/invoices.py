"""The export of an accounting program that has passed through a spreadsheet."""

from collections.abc import Iterator
from datetime import date, timedelta

from local.examples.table import table
from local.generate.chance import Chance

CLIENTS, INVOICES, SEED = 40, 300, 7
_CLIENTS = "Kunden-Nr.,Name,PLZ,Ort,Kunde seit,Rabatt"
_INVOICES = "Rechnungs-Nr.,Kunden-Nr.,Datum,Betrag netto,USt-Satz,bezahlt,Bemerkung"
_TRADES = ("Bäckerei", "Schlosserei", "Gärtnerei", "Café", "Buchhandlung", "Möbelhaus")
_PLACES = (
    ("1067", "Dresden"),
    ("4109", "Leipzig"),
    ("80331", "München"),
    ("50667", "Köln"),
    ("99084", "Erfurt"),
)
_REMARKS = ("", "", "2 % Skonto; binnen 10 Tagen", 'Auftrag "Süd"', "Straße gesperrt,\nLieferung später")


def files() -> dict[str, bytes]:
    """The content of each file, in Windows-1252."""
    clients = table(_CLIENTS, _clients(), delimiter=";", end="\r\n")
    invoices = table(_INVOICES, _invoices(), delimiter=";", end="\r\n")
    return {"Kunden.csv": clients.encode("cp1252"), "Rechnungen.csv": invoices.encode("cp1252")}


def _clients() -> Iterator[tuple[object, ...]]:
    chance = Chance(SEED, "clients")
    for number in range(1, CLIENTS + 1):
        postcode, city = chance.pick(_PLACES)
        since = _german(date(2010, 1, 1) + timedelta(chance.below(4000)))
        # Without its leading zeros.
        yield (
            number * 137,
            f"{chance.pick(_TRADES)} {number}",
            postcode,
            city,
            since,
            chance.pick(("", "3 %", "2,5 %")),
        )


def _invoices() -> Iterator[tuple[object, ...]]:
    chance = Chance(SEED, "invoices")
    for number in range(1, INVOICES + 1):
        client = chance.between(1, CLIENTS) * 137
        issued = _german(date(2024, 1, 1) + timedelta(number))
        paid = chance.pick(("Ja", "Nein"))
        vat = chance.pick(("19 %", "7 %", "0 %"))
        yield (
            f"R{number:05}",
            client,
            issued,
            _euros(chance.below(2_000_000)),
            vat,
            paid,
            chance.pick(_REMARKS),
        )


def _german(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def _euros(cents: int) -> str:
    whole = f"{cents // 100:,}".replace(",", ".")
    return f"{whole},{cents % 100:02} €"
