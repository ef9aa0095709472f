"""The GTFS feed of Cherriots: routes, trips, stops and their times."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from dataforge import (
    INTEGER,
    Boolean,
    Clean,
    Count,
    Date,
    Double,
    Format,
    Interval,
    Key,
    Label,
    Name,
    Numeric,
    References,
    Row,
    Text,
)

VALUE_FORMAT = Format(dates="%Y%m%d")

Colour = Annotated[Label, Clean(upper=True)]
Distance = Annotated[Decimal, Numeric(10, 4), Clean()]
Answer = Annotated[Literal[0, 1, 2], INTEGER, Clean()]
Boarding = Annotated[Literal[0, 1, 2, 3], INTEGER, Clean()]
ServiceId = Annotated[Label, References("calendar")]


class Agency(Row, table="agency", file="agency.txt"):
    """A transit agency."""

    agency_id: Annotated[Label, Key()]
    agency_name: Name
    agency_url: Name
    agency_timezone: Name
    agency_lang: Label | None = None
    agency_phone: Label | None = None
    agency_fare_url: Text | None = None


class Calendar(Row, table="calendar", file="calendar.txt"):
    """The days of the week on which a service runs."""

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


class CalendarDate(Row, table="calendar_dates", file="calendar_dates.txt"):
    """An exception from the calendar: service is added (1) or removed (2)."""

    service_id: Annotated[ServiceId, Key()]
    date: Annotated[Date, Key()]
    exception_type: Annotated[Literal[1, 2], INTEGER, Clean()]


class Route(Row, table="routes", file="routes.txt"):
    """A route."""

    route_id: Annotated[Label, Key()]
    agency_id: Annotated[Label, References("agency")] | None = None
    route_short_name: Name | None = None
    route_long_name: Name | None = None
    route_desc: Text | None = None
    route_type: Count
    route_url: Text | None = None
    route_color: Colour | None = None
    route_text_color: Colour | None = None


class Stop(Row, table="stops", file="stops.txt"):
    """A stop."""

    stop_id: Annotated[Label, Key()]
    stop_code: Label | None = None
    stop_name: Name
    stop_desc: Text | None = None
    stop_lat: Double
    stop_lon: Double
    zone_id: Label | None = None
    stop_url: Text | None = None
    location_type: Count | None = None
    parent_station: Annotated[Label, References("stops")] | None = None
    stop_timezone: Label | None = None
    wheelchair_boarding: Answer | None = None


class ShapePoint(Row, table="shapes", file="shapes.txt"):
    """A point of the line that a vehicle follows."""

    shape_id: Annotated[Label, Key()]
    shape_pt_lat: Double
    shape_pt_lon: Double
    shape_pt_sequence: Annotated[Count, Key()]
    shape_dist_traveled: Distance | None = None


class Trip(Row, table="trips", file="trips.txt"):
    """A trip; some have a blank in place of a shape."""

    route_id: Annotated[Label, References("routes")]
    service_id: ServiceId
    trip_id: Annotated[Label, Key()]
    trip_headsign: Name | None = None
    trip_short_name: Name | None = None
    direction_id: Annotated[Literal[0, 1], INTEGER, Clean()] | None = None
    block_id: Label | None = None
    shape_id: Label | None = None
    wheelchair_accessible: Answer | None = None
    bikes_allowed: Answer | None = None


class StopTime(Row, table="stop_times", file="stop_times.txt"):
    """The times of a trip at a stop, counted from midnight of the service day, also beyond 24:00."""

    trip_id: Annotated[Label, Key(), References("trips")]
    arrival_time: Interval | None = None
    departure_time: Interval | None = None
    stop_id: Annotated[Label, References("stops")]
    stop_sequence: Annotated[Count, Key()]
    stop_headsign: Name | None = None
    pickup_type: Boarding | None = None
    drop_off_type: Boarding | None = None
    shape_dist_traveled: Distance | None = None


class FeedInfo(Row, table="feed_info", file="feed_info.txt"):
    """The publisher and the validity of the feed."""

    feed_publisher_name: Name
    feed_publisher_url: Name
    feed_lang: Label
    feed_start_date: Date | None = None
    feed_end_date: Date | None = None
    feed_version: Label | None = None
