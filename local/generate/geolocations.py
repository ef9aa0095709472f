"""Geolocations: about ten per order, with exact duplicates among them and coordinates of full precision."""

from collections import deque
from collections.abc import Iterator

from local.generate.chance import Chance, Strata
from local.generate.places import PLACES, Place
from local.generate.sheet import Sheets
from local.generate.tables import GEOLOCATIONS

PER_ORDER = 10
DUPLICATE_SHARE = 0.143
# A town's points spread over some kilometres, a prefix's over some hundred metres.
_TOWN_DEGREES = 0.08
_PREFIX_DEGREES = 0.004


def write_geolocations(sheets: Sheets, seed: int, orders: int) -> None:
    chance = Chance(seed, "geolocations")
    sheet = sheets[GEOLOCATIONS]
    again = Strata(chance, DUPLICATE_SHARE)
    recent: deque[list[str]] = deque(maxlen=64)
    for place, prefix, rows in _prefixes(orders * PER_ORDER):
        lat = place.lat + (chance.random() - chance.random()) * _TOWN_DEGREES
        lng = place.lng + (chance.random() - chance.random()) * _TOWN_DEGREES
        for _ in range(rows):
            if again.due(able=bool(recent)):
                sheet.repeat(chance.pick(recent))
                continue
            cells = _cells(chance, place, f"{prefix:05d}", lat, lng)
            if sheet.add(cells):
                recent.append(cells)


def _cells(chance: Chance, place: Place, prefix: str, lat: float, lng: float) -> list[str]:
    """``repr`` of a float is the shortest text that reads back as the same double."""
    city = place.city if chance.random() < 0.75 else place.accented
    north = lat + (chance.random() - 0.5) * _PREFIX_DEGREES
    east = lng + (chance.random() - 0.5) * _PREFIX_DEGREES
    return [prefix, repr(north), repr(east), city, place.state]


def _prefixes(total: int) -> Iterator[tuple[Place, int, int]]:
    """Every place's prefixes with their numbers of rows, ``total`` rows in all, more for larger towns."""
    weight = sum(place.weight for place in PLACES)
    passed = written = 0
    for place in PLACES:
        count = len(place.prefixes)
        for number, prefix in enumerate(place.prefixes, 1):
            due = total * (passed * count + place.weight * number) // (weight * count)
            yield place, prefix, due - written
            written = due
        passed += place.weight
