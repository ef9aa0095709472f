"""A small GTFS feed, with trips after midnight and a service that only has dates."""

from collections.abc import Iterator

from local.examples.table import table

STATIONS, PLATFORMS, ROUTES, TRIPS, STOPS_OF_TRIP = 6, 2, 3, 60, 6
NIGHT = "night"
"""A service without a calendar."""
_WEEK = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"


def files() -> dict[str, bytes]:
    """The content of each file."""
    texts = {
        "stops.txt": table("stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station", _stops()),
        "routes.txt": table("route_id,route_short_name,route_type", _routes()),
        "calendar.txt": table(f"service_id,{_WEEK},start_date,end_date", _services()),
        "calendar_dates.txt": table("service_id,date,exception_type", _dates()),
        "trips.txt": table("route_id,service_id,trip_id,trip_headsign", _trips()),
        "stop_times.txt": table("trip_id,arrival_time,departure_time,stop_id,stop_sequence", _times()),
    }
    return {name: text.encode() for name, text in texts.items()}


def _stops() -> Iterator[tuple[object, ...]]:
    # Platforms before their stations, as feeds may have them.
    for station in range(STATIONS):
        place = (f"{48 + station / 100:.4f}", f"{9 + station / 50:.4f}")
        for platform in range(1, PLATFORMS + 1):
            yield (
                f"S{station}:{platform}",
                f"Station {station}, platform {platform}",
                *place,
                0,
                f"S{station}",
            )
        yield f"S{station}", f"Station {station}", *place, 1, None


def _routes() -> Iterator[tuple[object, ...]]:
    return ((f"R{route}", f"{route + 1}", (3, 0, 2)[route]) for route in range(ROUTES))


def _services() -> Iterator[tuple[object, ...]]:
    yield "weekday", *([1] * 5 + [0] * 2), "20250101", "20251231"
    yield "weekend", *([0] * 5 + [1] * 2), "20250101", "20251231"


def _dates() -> Iterator[tuple[object, ...]]:
    yield "weekday", "20251225", 2
    yield "weekend", "20251225", 1
    yield NIGHT, "20251231", 1


def _trips() -> Iterator[tuple[object, ...]]:
    for trip in range(TRIPS):
        yield f"R{trip % ROUTES}", _service(trip), f"T{trip}", f"Station {STATIONS - 1}"


def _service(trip: int) -> str:
    return NIGHT if trip >= TRIPS - 2 else ("weekday", "weekend")[trip % 2]


def _times() -> Iterator[tuple[object, ...]]:
    for trip in range(TRIPS):
        start = 5 * 3600 + trip * 1260
        for stop in range(STOPS_OF_TRIP):
            arrival = start + stop * 240
            yield (
                f"T{trip}",
                _clock(arrival),
                _clock(arrival + 30),
                f"S{stop % STATIONS}:{1 + trip % 2}",
                stop + 1,
            )


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
