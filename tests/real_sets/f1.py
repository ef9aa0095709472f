r"""Formula 1: races, drivers, constructors and results. ``\N`` is NULL. 24 races of 2025 are damaged."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from dataforge import (
    Clean,
    Csv,
    Date,
    Double,
    Format,
    Header,
    IndexedName,
    Integer,
    Interval,
    Key,
    Label,
    Name,
    Numeric,
    References,
    Row,
    SmallInt,
    Text,
    Time,
)

FORMAT = Csv(null=("", r"\N"))
ACCIDENTS = Csv(null=("", "N/A"))

Points = Annotated[Decimal, Numeric(5, 2), Clean()]
Duration = Annotated[Interval, Format(epoch="s", dates="+%M:%S")]
AccidentDate = Annotated[Date, Header("Date Of Accident"), Format(dates="%m/%d/%y", century=30)]
RaceId = Annotated[Integer, Header("raceId"), References("races", enforced=False)]
DriverId = Annotated[Integer, Header("driverId"), References("drivers")]
ConstructorId = Annotated[Integer, Header("constructorId"), References("constructors")]
StatusId = Annotated[Integer, Header("statusId"), References("status")]
PositionText = Annotated[Label, Header("positionText")]
Result = Annotated[Integer, Key(), Header("resultId")]
PositionOrder = Annotated[SmallInt, Header("positionOrder")]
FastestLap = Annotated[SmallInt, Header("fastestLap")]
FastestLapTime = Annotated[Interval, Header("fastestLapTime")]


class Season(Row, table="seasons", file="seasons.csv"):
    """A season."""

    year: Annotated[SmallInt, Key()]
    url: Name


class Circuit(Row, table="circuits", file="circuits.csv"):
    """A circuit."""

    circuit_id: Annotated[Integer, Key(), Header("circuitId")]
    circuit_ref: Annotated[Label, Header("circuitRef")]
    name: Name
    location: Name
    country: Name
    lat: Double
    lng: Double
    alt: Integer
    url: Name


class Race(Row, table="races", file="races.csv"):
    """A race."""

    race_id: Annotated[Integer, Key(), Header("raceId")]
    year: Annotated[SmallInt, References("seasons")]
    round: SmallInt
    circuit_id: Annotated[Integer, Header("circuitId"), References("circuits")]
    name: Name
    date: Date
    time: Time | None = None
    url: Name
    fp1_date: Date | None = None
    fp1_time: Time | None = None
    fp2_date: Date | None = None
    fp2_time: Time | None = None
    fp3_date: Date | None = None
    fp3_time: Time | None = None
    quali_date: Date | None = None
    quali_time: Time | None = None
    sprint_date: Date | None = None
    sprint_time: Time | None = None


class Constructor(Row, table="constructors", file="constructors.csv"):
    """A constructor."""

    constructor_id: Annotated[Integer, Key(), Header("constructorId")]
    constructor_ref: Annotated[Label, Header("constructorRef")]
    name: Name
    nationality: Name
    url: Name


class Driver(Row, table="drivers", file="drivers.csv"):
    """A driver."""

    driver_id: Annotated[Integer, Key(), Header("driverId")]
    driver_ref: Annotated[Label, Header("driverRef")]
    number: SmallInt | None = None
    code: Label | None = None
    forename: Name
    surname: Name
    dob: Date
    nationality: Name
    url: Name


class Status(Row, table="status", file="status.csv"):
    """How a race ended for a driver."""

    status_id: Annotated[Integer, Key(), Header("statusId")]
    status: Name


class ConstructorResult(Row, table="constructor_results", file="constructor_results.csv"):
    """The points of a constructor in a race."""

    constructor_results_id: Annotated[Integer, Key(), Header("constructorResultsId")]
    race_id: RaceId
    constructor_id: ConstructorId
    points: Points
    status: Label | None = None


class ConstructorStanding(Row, table="constructor_standings", file="constructor_standings.csv"):
    """The position of a constructor after a race."""

    constructor_standings_id: Annotated[Integer, Key(), Header("constructorStandingsId")]
    race_id: RaceId
    constructor_id: ConstructorId
    points: Points
    position: SmallInt
    position_text: PositionText
    wins: SmallInt


class DriverStanding(Row, table="driver_standings", file="driver_standings.csv"):
    """The position of a driver after a race."""

    driver_standings_id: Annotated[Integer, Key(), Header("driverStandingsId")]
    race_id: RaceId
    driver_id: DriverId
    points: Points
    position: SmallInt | None = None
    position_text: PositionText
    wins: SmallInt


class PitStop(Row, table="pit_stops", file="pit_stops.csv"):
    """A pit stop."""

    race_id: Annotated[RaceId, Key()]
    driver_id: Annotated[DriverId, Key()]
    stop: Annotated[SmallInt, Key()]
    lap: SmallInt
    time: Time
    duration: Duration
    milliseconds: Integer


class Qualifying(Row, table="qualifying", file="qualifying.csv"):
    """The times of a driver in the qualifying."""

    qualify_id: Annotated[Integer, Key(), Header("qualifyId")]
    race_id: RaceId
    driver_id: DriverId
    constructor_id: ConstructorId
    number: SmallInt
    position: SmallInt
    q1: Interval | None = None
    q2: Interval | None = None
    q3: Interval | None = None


class RaceResult(Row, table="results", file="results.csv"):
    """The result of a driver; the time is the winner's, and the distance from it for the others."""

    result_id: Result
    race_id: RaceId
    driver_id: DriverId
    constructor_id: ConstructorId
    number: SmallInt | None = None
    grid: SmallInt
    position: SmallInt | None = None
    position_text: PositionText
    position_order: PositionOrder
    points: Points
    laps: SmallInt
    time: Duration | None = None
    milliseconds: Integer | None = None
    fastest_lap: FastestLap | None = None
    rank: SmallInt | None = None
    fastest_lap_time: FastestLapTime | None = None
    fastest_lap_speed: Annotated[Decimal, Numeric(6, 3), Header("fastestLapSpeed"), Clean()] | None = None
    status_id: StatusId


class SprintResult(Row, table="sprint_results", file="sprint_results.csv"):
    """The result of a driver in a sprint."""

    result_id: Result
    race_id: RaceId
    driver_id: DriverId
    constructor_id: ConstructorId
    number: SmallInt
    grid: SmallInt
    position: SmallInt | None = None
    position_text: PositionText
    position_order: PositionOrder
    points: Points
    laps: SmallInt
    time: Duration | None = None
    milliseconds: Integer | None = None
    fastest_lap: FastestLap | None = None
    fastest_lap_time: FastestLapTime | None = None
    status_id: StatusId
    rank: SmallInt | None = None


class SafetyCar(Row, table="safety_cars", file="safety_cars.csv"):
    """A deployment of the safety car; laps are written as 39.0."""

    race: Annotated[Label, Key(), Header("Race")]
    cause: Annotated[Name, Header("Cause")]
    deployed: Annotated[SmallInt, Key(), Header("Deployed")]
    retreated: Annotated[SmallInt, Header("Retreated")] | None = None
    full_laps: Annotated[SmallInt, Header("FullLaps")]


class RedFlag(Row, table="red_flags", file="red_flags.csv"):
    """An interruption of a race."""

    race: Annotated[Label, Key(), Header("Race")]
    lap: Annotated[SmallInt, Key(), Header("Lap")]
    resumed: Annotated[Literal["N", "R", "S", "Y"], Header("Resumed")]
    incident: Annotated[IndexedName, Key(), Header("Incident")]
    excluded: Annotated[Text, Header("Excluded")] | None = None


class FatalAccident(
    Row, table="fatal_accidents_drivers", file="fatal_accidents_drivers.csv", format=ACCIDENTS
):
    """A fatal accident of a driver."""

    driver: Annotated[Label, Key(), Header("Driver")]
    age: Annotated[SmallInt, Header("Age")] | None = None
    date_of_accident: AccidentDate
    event: Annotated[Name, Header("Event")] | None = None
    car: Annotated[Name, Header("Car")]
    session: Annotated[Name, Header("Session")]


class MarshallAccident(
    Row, table="fatal_accidents_marshalls", file="fatal_accidents_marshalls.csv", format=ACCIDENTS
):
    """A fatal accident of a marshal."""

    name: Annotated[Label, Key(), Header("Name")]
    age: Annotated[SmallInt, Header("Age")]
    date_of_accident: AccidentDate
    event: Annotated[Name, Header("Event")]
