"""Customers and sellers: where they live, and how sellers spell it."""

from collections import deque
from collections.abc import Callable

from local.generate.chance import Chance, Strata, Weighted
from local.generate.places import PLACES, Place

TOWNS = Weighted((place, place.weight) for place in PLACES)
# Sellers sit in the south-east far more often than buyers do.
SELLER_TOWNS = Weighted(
    (place, place.weight * (4 if place.state in ("SP", "PR", "MG", "SC") else 1)) for place in PLACES
)

_ODD_SPELLINGS: tuple[Callable[[Place, str], str], ...] = (
    lambda place, _zip: f"{place.city} - {place.state.lower()}",
    lambda place, _zip: f"{place.city}/{place.state.lower()}",
    lambda place, _zip: f"{place.city}, {place.state.lower()}",
    lambda place, _zip: place.accented,
    lambda place, _zip: f"{place.city}  (centro)",
    lambda place, _zip: f"{place.city} \\{place.city}",
    lambda _place, zip_prefix: f"{zip_prefix}010",
    lambda _place, _zip: "santa bárbara d\N{ACUTE ACCENT}oeste",
)


def zip_prefix(place: Place, chance: Chance) -> str:
    return f"{chance.pick(place.prefixes):05d}"


class Customers:
    """A customer row per order; now and then the same person as one of the last few hundred."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, "customers")
        self._returning = Strata(self._chance, 0.034)
        self._recent: deque[tuple[str, str, str, str]] = deque(maxlen=300)

    def next(self) -> tuple[str, ...]:
        chance = self._chance
        if self._returning.due(able=bool(self._recent)):
            return (chance.hex_id(), *chance.pick(self._recent))
        place = TOWNS.pick(chance)
        person = (chance.hex_id(), zip_prefix(place, chance), place.city, place.state)
        self._recent.append(person)
        return (chance.hex_id(), *person)


def sellers(seed: int, count: int) -> list[tuple[str, ...]]:
    chance = Chance(seed, "sellers")
    odd = Strata(chance, 0.02)
    return [_seller(chance, odd.due()) for _ in range(count)]


def _seller(chance: Chance, odd: bool) -> tuple[str, ...]:
    place = SELLER_TOWNS.pick(chance)
    prefix = zip_prefix(place, chance)
    city = chance.pick(_ODD_SPELLINGS)(place, prefix) if odd else place.city
    return (chance.hex_id(), prefix, city, place.state)
