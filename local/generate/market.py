"""Who sells what, and how often each product is bought."""

from math import isqrt

from local.generate.chance import Chance, zipf
from local.generate.people import sellers
from local.generate.products import Product, products
from local.generate.sheet import Sheets
from local.generate.tables import PRODUCTS, SELLERS

# Best-sellers stay clean: one that is lost takes a visible part of all items with it.
_SPARED_SHARE = 0.05


class Market:
    """Products and sellers for a number of orders; nearly every one of them is sold at least once."""

    def __init__(self, seed: int, orders: int) -> None:
        self._chance = Chance(seed, "market")
        self._products = products(seed, product_count(orders))
        self._sellers = sellers(seed, seller_count(orders))
        count = len(self._products)
        self._ranking = zipf(self._chance.shuffled(range(count)), offset=12)
        self._seller_ranking = zipf(self._chance.shuffled(range(len(self._sellers))), offset=8)
        self._offers = [self._offered_by(number) for number in range(count)]
        self._unsold = 0
        # With 1.1 items to an order, each product gets its first sale before the orders run out.
        self._first_sale_share = min(count / (orders * 1.05), 0.97) if orders else 0.0

    def write(self, sheets: Sheets) -> None:
        for row, spare in zip(self._sellers, _spared(self._seller_ranking.values), strict=True):
            sheets[SELLERS].add(row, spare)
        for product, spare in zip(self._products, _spared(self._ranking.values), strict=True):
            sheets[PRODUCTS].add(product.row, spare)

    def choose(self) -> tuple[Product, str]:
        """A product and the id of its seller."""
        if self._unsold < len(self._products) and self._chance.happens(self._first_sale_share):
            number = self._unsold
            self._unsold += 1
        else:
            number = self._ranking.pick(self._chance)
        return self._products[number], self._sellers[self._offers[number]][0]

    def _offered_by(self, number: int) -> int:
        """Each seller has one product, and the popular ones have all the rest."""
        return number if number < len(self._sellers) else self._seller_ranking.pick(self._chance)


def _spared(ranking: list[int]) -> list[bool]:
    best = set(ranking[: int(len(ranking) * _SPARED_SHARE)])
    return [number in best for number in range(len(ranking))]


def product_count(orders: int) -> int:
    """The range grows slower than the sales: 33 thousand products for a hundred thousand orders."""
    return min(orders, 6 * isqrt(orders * isqrt(orders)))


def seller_count(orders: int) -> int:
    """About three thousand sellers for a hundred thousand orders."""
    return min(isqrt(96 * orders), (orders + 1) // 2)
