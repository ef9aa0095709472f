"""One whole dataset: the nine files and what a run over them must report."""

from pathlib import Path

from local.generate.baskets import Baskets, Payments
from local.generate.categories import TRANSLATED
from local.generate.expected import FILE, Expected
from local.generate.geolocations import write_geolocations
from local.generate.market import Market
from local.generate.orders import Orders
from local.generate.people import Customers
from local.generate.reviews import Reviews
from local.generate.sheet import Sheets
from local.generate.tables import CUSTOMERS, ITEMS, ORDERS, PAYMENTS, REVIEWS, TRANSLATIONS


def generate(out: Path | str, orders: int = 3000, seed: int = 7, dirty: float = 0.0) -> Expected:
    """Write the nine CSV files and ``expected.json`` into ``out``, which is made if it is missing.

    The same arguments give the same bytes. ``dirty`` is the share of each table's rows that are made dirty,
    in kinds that take turns; the good rows are the same for every share. Files of these names are replaced.
    Raises ``ValueError`` for a negative number of orders or a share outside 0 to 1, ``OSError`` when ``out``
    cannot be written.
    """
    if orders < 0 or not 0 <= dirty <= 1:
        raise ValueError(
            f"orders must not be negative and dirty must be between 0 and 1, not {orders} and {dirty}"
        )
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    # An interrupted run must not leave the expectations of an earlier one beside its files.
    (folder / FILE).unlink(missing_ok=True)
    with Sheets(folder, seed, dirty) as sheets:
        for pair in TRANSLATED:
            sheets[TRANSLATIONS].add(pair)
        market = Market(seed, orders)
        market.write(sheets)
        _write_orders(sheets, market, orders, seed)
        write_geolocations(sheets, seed, orders)
    expected = Expected(seed, orders, dirty, sheets.counts())
    expected.write(folder)
    return expected


def _write_orders(sheets: Sheets, market: Market, count: int, seed: int) -> None:
    customers, orders, reviews = Customers(seed), Orders(seed), Reviews(seed)
    baskets, payments = Baskets(seed, market), Payments(seed)
    for _ in range(count):
        customer, order = customers.next(), orders.next()
        sheets[CUSTOMERS].add(customer)
        sheets[ORDERS].add(order.row(customer[0]))
        items, total = baskets.fill(order)
        for item in items:
            sheets[ITEMS].add(item)
        for payment in payments.pay(order, total):
            sheets[PAYMENTS].add(payment)
        for review in reviews.of(order):
            sheets[REVIEWS].add(review)
