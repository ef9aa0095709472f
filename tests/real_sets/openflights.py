r"""OpenFlights: airports, airlines and their routes. The files have no header; ``\N`` is NULL."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from dataforge import (
    TEXT,
    ArrayOf,
    Boolean,
    Clean,
    Csv,
    Double,
    Format,
    IndexedName,
    Integer,
    Key,
    Label,
    Name,
    Numeric,
    References,
    Row,
    SmallInt,
    Text,
)

FORMAT = Csv(header=0, escape="\\", null=("", r"\N"))

AirportId = Annotated[Integer, References("airports", enforced=False)]


class Country(Row, table="countries", file="countries.dat"):
    """A name of a country; two names have two codes."""

    name: Name
    iso_code: Label | None = None
    dafif_code: Label | None = None


class Airport(Row, table="airports", file="airports.dat"):
    """An airport; ``dst`` is the rule of its summer time."""

    airport_id: Annotated[Integer, Key()]
    name: Name
    city: Text | None = None
    country: Name
    iata: Label | None = None
    icao: Label | None = None
    latitude: Double
    longitude: Double
    altitude: Integer
    utc_offset: Annotated[Decimal, Numeric(4, 2), Clean()] | None = None
    dst: Literal["E", "A", "S", "O", "Z", "N", "U"] | None = None
    tz: Label | None = None
    type: Label
    source: Label


class Airline(Row, table="airlines", file="airlines.dat"):
    """An airline."""

    airline_id: Annotated[Integer, Key()]
    name: Name
    alias: Name | None = None
    iata: Label | None = None
    icao: Label | None = None
    callsign: Name | None = None
    country: Name | None = None
    active: Boolean


class Plane(Row, table="planes", file="planes.dat"):
    """A type of aircraft."""

    name: Annotated[IndexedName, Key()]
    iata: Label | None = None
    icao: Label | None = None


class Route(Row, table="routes", file="routes.dat"):
    """A route of an airline. Some airports are missing."""

    airline: Annotated[Label, Key()]
    airline_id: Annotated[Integer, References("airlines")] | None = None
    source_airport: Annotated[Label, Key()]
    source_airport_id: AirportId | None = None
    destination_airport: Annotated[Label, Key()]
    destination_airport_id: AirportId | None = None
    codeshare: Boolean | None = None
    stops: SmallInt
    equipment: Annotated[tuple[str, ...], ArrayOf(TEXT), Format(separator=" ")] | None = None
