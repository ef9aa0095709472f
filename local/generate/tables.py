"""The nine files as Kaggle names them: headers, and the facts about each column that errors depend on.

This is the generator's own statement of the file formats on purpose: expectations that were derived from
the catalogue under test would agree with its mistakes.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """``nature`` determines the plausible values, and so the possible flaws."""

    name: str
    nature: str
    required: bool


@dataclass(frozen=True)
class Table:
    """``rival`` is the column that a conflicting row of the same key changes; without a key there is none.

    ``key`` and ``parents`` hold column positions; every parent is referenced by its first column.
    """

    name: str
    file: str
    columns: tuple[Column, ...]
    key: tuple[int, ...]
    parents: dict[int, str] = field(default_factory=dict)
    rival: str | None = None
    bom: bool = False
    line_end: str = "\n"

    @property
    def header(self) -> list[str]:
        return [column.name for column in self.columns]


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from words of the form ``name:nature``; ``?`` at the end makes one optional."""
    words = (word.partition(":") for word in text.split())
    return tuple(Column(name, nature.rstrip("?"), not nature.endswith("?")) for name, _, nature in words)


TRANSLATIONS = Table(
    "category_translations",
    "product_category_name_translation.csv",
    _columns("product_category_name:category product_category_name_english:category"),
    key=(0,),
    rival="product_category_name_english",
    # The only file that Kaggle serves with a byte order mark and CRLF.
    bom=True,
    line_end="\r\n",
)
CUSTOMERS = Table(
    "customers",
    "olist_customers_dataset.csv",
    _columns(
        "customer_id:id customer_unique_id:id customer_zip_code_prefix:zip"
        " customer_city:city customer_state:state"
    ),
    key=(0,),
    rival="customer_city",
)
SELLERS = Table(
    "sellers",
    "olist_sellers_dataset.csv",
    _columns("seller_id:id seller_zip_code_prefix:zip seller_city:city seller_state:state"),
    key=(0,),
    rival="seller_city",
)
GEOLOCATIONS = Table(
    "geolocations",
    "olist_geolocation_dataset.csv",
    _columns(
        "geolocation_zip_code_prefix:zip geolocation_lat:latitude geolocation_lng:longitude"
        " geolocation_city:city geolocation_state:state"
    ),
    key=(),
)
PRODUCTS = Table(
    "products",
    "olist_products_dataset.csv",
    _columns(
        "product_id:id product_category_name:category? product_name_lenght:count?"
        " product_description_lenght:count? product_photos_qty:count? product_weight_g:count?"
        " product_length_cm:count? product_height_cm:count? product_width_cm:count?"
    ),
    key=(0,),
    rival="product_weight_g",
)
ORDERS = Table(
    "orders",
    "olist_orders_dataset.csv",
    _columns(
        "order_id:id customer_id:id order_status:status order_purchase_timestamp:moment"
        " order_approved_at:moment? order_delivered_carrier_date:moment?"
        " order_delivered_customer_date:moment? order_estimated_delivery_date:moment"
    ),
    key=(0,),
    parents={1: "customers"},
    rival="order_estimated_delivery_date",
)
ITEMS = Table(
    "order_items",
    "olist_order_items_dataset.csv",
    _columns(
        "order_id:id order_item_id:ordinal product_id:id seller_id:id shipping_limit_date:moment"
        " price:money freight_value:money"
    ),
    key=(0, 1),
    parents={0: "orders", 2: "products", 3: "sellers"},
    rival="price",
)
PAYMENTS = Table(
    "order_payments",
    "olist_order_payments_dataset.csv",
    _columns(
        "order_id:id payment_sequential:ordinal payment_type:payment_type payment_installments:count"
        " payment_value:money"
    ),
    key=(0, 1),
    parents={0: "orders"},
    rival="payment_value",
)
REVIEWS = Table(
    "order_reviews",
    "olist_order_reviews_dataset.csv",
    _columns(
        "review_id:id order_id:id review_score:score review_comment_title:text?"
        " review_comment_message:text? review_creation_date:moment review_answer_timestamp:moment"
    ),
    key=(0, 1),
    parents={1: "orders"},
    rival="review_score",
)

TABLES = (TRANSLATIONS, CUSTOMERS, SELLERS, GEOLOCATIONS, PRODUCTS, ORDERS, ITEMS, PAYMENTS, REVIEWS)
"""Parents come before their children."""
