"""Products: a row each, and the facts for baskets."""

from dataclasses import dataclass

from local.generate.categories import TRANSLATED, UNTRANSLATED
from local.generate.chance import Chance, Strata, zipf

_CATEGORIES = zipf([name for name, _ in TRANSLATED])
# Quantiles at even steps, from the smallest to the largest.
_CENTS = (
    450,
    1690,
    2190,
    2790,
    3490,
    4290,
    4990,
    5990,
    6990,
    7990,
    8990,
    9900,
    11990,
    13990,
    16990,
    21990,
    48990,
)
_LUXURY_CENTS = (50000, 64990, 89990, 129990, 229990, 689900)
_GRAMS = (50, 150, 200, 250, 300, 350, 450, 550, 700, 850, 1100, 1500, 2300, 4200, 8500, 12000, 30000)
_NAME_LENGTH = (6, 30, 38, 44, 48, 51, 54, 56, 58, 59, 60, 63, 76)
_DESCRIPTION_LENGTH = (6, 150, 260, 360, 470, 595, 740, 900, 1150, 1600, 3990)
_PHOTOS = (1.0, 1.2, 1.6, 2.1, 2.9, 4.2, 6.5, 15.0)


@dataclass(frozen=True, slots=True)
class Product:
    """``row`` is the record; the rest decides what its sales look like."""

    row: tuple[str, ...]
    cents: int
    grams: int

    @property
    def id(self) -> str:
        return self.row[0]


def products(seed: int, count: int) -> list[Product]:
    chance = Chance(seed, "products")
    bare = Strata(chance, 0.0185)
    odd = Strata(chance, 0.002)
    unweighed = Strata(chance, 0.002)
    return [_product(chance, bare.due(), odd.due(), unweighed.due()) for _ in range(count)]


def _product(chance: Chance, bare: bool, odd: bool, unweighed: bool) -> Product:
    """A bare product lacks its description, category included; the category of an odd one has no translation."""
    category = chance.pick(UNTRANSLATED) if odd else _CATEGORIES.pick(chance)
    grams = int(chance.along(_GRAMS))
    described = (
        category,
        *(str(int(chance.along(curve))) for curve in (_NAME_LENGTH, _DESCRIPTION_LENGTH, _PHOTOS)),
    )
    sizes = (str(grams), *(str(size) for size in _box(chance, grams)))
    row = (chance.hex_id(), *(("",) * 4 if bare else described), *(("",) * 4 if unweighed else sizes))
    return Product(row, _round_price(chance), grams)


def _box(chance: Chance, grams: int) -> tuple[int, int, int]:
    """Length, height and width in centimetres; parcels have a least and a greatest size."""
    side = min(16 + grams // 450, 80)
    return side + chance.below(25), 2 + chance.below(side), 11 + chance.below(side)


def _round_price(chance: Chance) -> int:
    """In cents; most prices end in 90 or 99, as in any shop."""
    cents = int(chance.along(_LUXURY_CENTS if chance.happens(0.03) else _CENTS))
    ending = chance.pick((90, 90, 90, 99, 99, 0, 50, -1))
    return cents if ending < 0 else max(cents // 100, 3) * 100 + ending
