"""An order's way through the shop: status and dates."""

from dataclasses import dataclass
from datetime import datetime

from local.generate import moments
from local.generate.chance import Chance, Strata, Weighted

# The states of the three orders in a hundred that do not arrive.
_OTHER_STATUSES = Weighted(
    (
        ("shipped", 370),
        ("canceled", 210),
        ("unavailable", 200),
        ("invoiced", 105),
        ("processing", 100),
        ("approved", 8),
        ("created", 7),
    )
)
# Quantiles at even steps.
_HOURS_TO_APPROVAL = (0.05, 0.15, 0.2, 0.25, 0.3, 0.4, 1.0, 9.0, 16.0, 28.0, 75.0)
_HOURS_TO_CARRIER = (3.0, 15.0, 22.0, 30.0, 44.0, 55.0, 70.0, 90.0, 125.0, 190.0, 480.0)
_HOURS_TO_CUSTOMER = (20.0, 60.0, 90.0, 120.0, 155.0, 180.0, 220.0, 270.0, 340.0, 460.0, 1100.0)
_DAYS_PROMISED = (7, 13, 17, 20, 22, 24, 26, 28, 31, 37, 62)


@dataclass(frozen=True, slots=True)
class Order:
    """``approved``, ``shipped`` and ``arrived`` are None if it did not happen (or was not recorded)."""

    id: str
    status: str
    bought: datetime
    approved: datetime | None
    shipped: datetime | None
    arrived: datetime | None
    promised: datetime

    def row(self, customer_id: str) -> tuple[str, ...]:
        dates = (self.bought, self.approved, self.shipped, self.arrived, self.promised)
        return (self.id, customer_id, self.status, *map(moments.text, dates))

    @property
    def has_items(self) -> bool:
        """The items of orders that failed immediately are not recorded."""
        return self.status not in ("unavailable", "created") and (
            self.status != "canceled" or self.shipped is not None
        )


class Orders:
    """Orders in no order of time, as in the original."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, "orders")
        self._failing = Strata(self._chance, 0.03)

    def next(self) -> Order:
        chance = self._chance
        status = _OTHER_STATUSES.pick(chance) if self._failing.due() else "delivered"
        bought = moments.purchase(chance)
        approved = moments.after(bought, chance.along(_HOURS_TO_APPROVAL))
        shipped = moments.after(approved, self._hours_to_carrier())
        arrived = moments.after(shipped, chance.along(_HOURS_TO_CUSTOMER))
        promised = moments.midnight(bought, int(chance.along(_DAYS_PROMISED)))
        was_approved, was_shipped, was_delivered = self._reached(status)
        return Order(
            chance.hex_id(),
            status,
            bought,
            approved if was_approved else None,
            shipped if was_shipped else None,
            arrived if was_delivered else None,
            promised,
        )

    def _hours_to_carrier(self) -> float:
        """Now and then the parcel leaves before the payment is approved."""
        hours = self._chance.along(_HOURS_TO_CARRIER)
        return -hours / 20 if self._chance.happens(0.014) else hours

    def _reached(self, status: str) -> tuple[bool, bool, bool]:
        """Whether the order was approved, shipped, and delivered to the customer."""
        chance = self._chance
        if status == "delivered":
            # Some gaps are errors of the record only.
            return not chance.happens(0.00015), not chance.happens(0.00003), not chance.happens(0.0001)
        if status == "canceled":
            return chance.happens(0.75), chance.happens(0.15), False
        return status != "created", status == "shipped", False
