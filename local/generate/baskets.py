"""The items and payments of an order."""

from collections.abc import Iterator
from datetime import datetime

from local.generate import moments, money
from local.generate.chance import Chance, Strata, Weighted
from local.generate.market import Market
from local.generate.orders import Order
from local.generate.products import Product

_ITEM_COUNTS = Weighted(
    ((1, 9000), (2, 760), (3, 135), (4, 50), (5, 22), (6, 20), (7, 4), (10, 3), (14, 2), (20, 1))
)
_PAYMENT_TYPES = Weighted((("credit_card", 766), ("boleto", 198), ("voucher", 20), ("debit_card", 16)))
_INSTALMENT_WEIGHTS = (3300, 1620, 1350, 920, 680, 510, 210, 550, 85, 690, 17, 9, 4, 3, 2)
_INSTALMENTS = Weighted(
    # The zero is in the original too.
    zip((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 24, 0), _INSTALMENT_WEIGHTS, strict=True)
)
_VOUCHER_COUNTS = Weighted(((1, 780), (2, 130), (3, 50), (4, 20), (6, 12), (9, 5), (15, 2), (24, 1)))

ItemRow = tuple[str, ...]


class Baskets:
    """Item rows of an order, and what they cost altogether."""

    def __init__(self, seed: int, market: Market) -> None:
        self._chance = Chance(seed, "baskets")
        self._free = Strata(self._chance, 0.0034)
        self._market = market

    def fill(self, order: Order) -> tuple[list[ItemRow], int]:
        """Rows and total in cents; an order without recorded items also has a total to pay."""
        if not order.has_items:
            return [], self._chance.between(1900, 25000)
        rows: list[ItemRow] = []
        total = 0
        limit = moments.after(order.approved or order.bought, self._chance.between(72, 260))
        product, seller = self._market.choose()
        for number in range(1, _ITEM_COUNTS.pick(self._chance) + 1):
            if number > 1 and self._chance.happens(0.4):
                product, seller = self._market.choose()
            row, cents = self._item(order.id, number, product, seller, limit)
            rows.append(row)
            total += cents
        return rows, total

    def _item(
        self, order_id: str, number: int, product: Product, seller: str, limit: datetime
    ) -> tuple[ItemRow, int]:
        freight = 0 if self._free.due() else self._freight(product.grams)
        price = product.cents if self._chance.happens(0.85) else product.cents * 9 // 10
        amounts = (money.text(price), money.text(freight))
        return (order_id, str(number), product.id, seller, moments.text(limit), *amounts), price + freight

    def _freight(self, grams: int) -> int:
        return 800 + self._chance.below(1300) + grams * self._chance.between(5, 50) // 100


class Payments:
    """Payment rows of an order; they add up to its total exactly."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, "payments")
        self._split = Strata(self._chance, 0.028)

    def pay(self, order: Order, total: int) -> Iterator[tuple[str, ...]]:
        if order.status == "canceled" and not order.has_items and self._chance.happens(0.05):
            yield (order.id, "1", "not_defined", "1", "0.00")
            return
        for number, (kind, cents) in enumerate(self._parts(total), 1):
            instalments = _INSTALMENTS.pick(self._chance) if kind == "credit_card" else 1
            yield (order.id, str(number), kind, str(instalments), money.text(cents))

    def _parts(self, total: int) -> Iterator[tuple[str, int]]:
        """One payment as a rule; else vouchers, and a card for what they leave."""
        if not self._split.due():
            yield _PAYMENT_TYPES.pick(self._chance), total
            return
        rest = total
        for _ in range(_VOUCHER_COUNTS.pick(self._chance)):
            part = rest * self._chance.between(5, 60) // 100
            rest -= part
            yield "voucher", part
        yield self._chance.pick(("credit_card", "credit_card", "voucher")), rest
