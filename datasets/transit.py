"""A timetable in the format GTFS: dates without separators, times after midnight as 25:10:00, keys of several columns.

``python -m local.examples FOLDER`` writes files.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dataforge import (
    INTEGER,
    Boolean,
    Count,
    Date,
    Double,
    Format,
    Header,
    Interval,
    Key,
    Label,
    Name,
    References,
    Row,
)

EXAMPLE = True
VALUE_FORMAT = Format(dates="%Y%m%d")


class Stop(Row, table="stops", file="stops.txt"):
    """A station, or a platform that belongs to one."""

    stop_id: Annotated[Label, Key()]
    stop_name: Name
    stop_lat: Annotated[Double, Field(ge=-90, le=90)]
    stop_lon: Annotated[Double, Field(ge=-180, le=180)]
    location_type: Annotated[Literal[0, 1, 2, 3, 4], INTEGER, Header(optional=True)] = 0
    parent_station: Annotated[Label, References("stops"), Header(optional=True)] | None = None


class Route(Row, table="routes", file="routes.txt"):
    """A line, such as a bus or a tram."""

    route_id: Annotated[Label, Key()]
    route_short_name: Name
    route_type: Annotated[Literal[0, 1, 2, 3, 4, 5, 6, 7], INTEGER]
    route_color: Annotated[Label, Header(optional=True)] | None = None


class Service(Row, table="services", file="calendar.txt"):
    """The days of the week on which trips run."""

    service_id: Annotated[Label, Key()]
    monday: Boolean
    tuesday: Boolean
    wednesday: Boolean
    thursday: Boolean
    friday: Boolean
    saturday: Boolean
    sunday: Boolean
    start_date: Date
    end_date: Date


class ServiceDate(Row, table="service_dates", file="calendar_dates.txt"):
    """A date on which a service runs additionally (1) or does not run (2). A service may consist of such dates only."""

    service_id: Annotated[Label, Key(), References("services", enforced=False)]
    date: Annotated[Date, Key()]
    exception_type: Annotated[Literal[1, 2], INTEGER]


class Trip(Row, table="trips", file="trips.txt"):
    """A journey of a route."""

    trip_id: Annotated[Label, Key()]
    route_id: Annotated[Label, References("routes")]
    service_id: Annotated[Label, References("services", enforced=False)]
    trip_headsign: Annotated[Name, Header(optional=True)] | None = None


class StopTime(Row, table="stop_times", file="stop_times.txt"):
    """Arrival and departure of a trip at a stop, counted from the start of its day of service."""

    trip_id: Annotated[Label, Key(), References("trips")]
    stop_sequence: Annotated[Count, Key()]
    stop_id: Annotated[Label, References("stops")]
    arrival_time: Interval | None = None
    departure_time: Interval | None = None
