"""The Brazilian e-commerce dataset by Olist: customers, sellers, products, orders, and their items, payments and reviews."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from dataforge import (
    Clean,
    Count,
    Double,
    HexId,
    IndexedName,
    Key,
    Money,
    Name,
    Ordinal,
    References,
    Row,
    Text,
    Timestamp,
)

ZipPrefix = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$"), Clean()]
State = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), Clean(upper=True)]
Status = Literal[
    "created", "approved", "invoiced", "processing", "shipped", "delivered", "unavailable", "canceled"
]
PaymentType = Literal["credit_card", "boleto", "voucher", "debit_card", "not_defined"]


class CategoryTranslation(Row, table="category_translations", file="product_category_name_translation.csv"):
    """The English name of a product category. Products may have categories without a translation."""

    product_category_name: Annotated[IndexedName, Key()]
    product_category_name_english: Name


class Customer(Row, table="customers", file="olist_customers_dataset.csv"):
    """The customer of one order; customer_unique_id identifies the person."""

    customer_id: Annotated[HexId, Key()]
    customer_unique_id: HexId
    customer_zip_code_prefix: ZipPrefix
    customer_city: Name
    customer_state: State


class Seller(Row, table="sellers", file="olist_sellers_dataset.csv"):
    """A seller and where it ships from."""

    seller_id: Annotated[HexId, Key()]
    seller_zip_code_prefix: ZipPrefix
    seller_city: Name
    seller_state: State


class Geolocation(Row, table="geolocations", file="olist_geolocation_dataset.csv", distinct=True):
    """Points of a zip code prefix. The key is the whole row: exact duplicates are one row."""

    geolocation_zip_code_prefix: ZipPrefix
    geolocation_lat: Annotated[Double, Field(ge=-90, le=90)]
    geolocation_lng: Annotated[Double, Field(ge=-180, le=180)]
    geolocation_city: IndexedName
    geolocation_state: State


class Product(Row, table="products", file="olist_products_dataset.csv"):
    """A product; the spelling of the columns is the source's."""

    product_id: Annotated[HexId, Key()]
    product_category_name: Name | None = None
    product_name_lenght: Count | None = None
    product_description_lenght: Count | None = None
    product_photos_qty: Count | None = None
    product_weight_g: Count | None = None
    product_length_cm: Count | None = None
    product_height_cm: Count | None = None
    product_width_cm: Count | None = None


class Order(Row, table="orders", file="olist_orders_dataset.csv"):
    """An order and its timestamps, which need not be in order."""

    order_id: Annotated[HexId, Key()]
    customer_id: Annotated[HexId, References("customers")]
    order_status: Annotated[Status, Clean()]
    order_purchase_timestamp: Timestamp
    order_approved_at: Timestamp | None = None
    order_delivered_carrier_date: Timestamp | None = None
    order_delivered_customer_date: Timestamp | None = None
    order_estimated_delivery_date: Timestamp


class OrderItem(Row, table="order_items", file="olist_order_items_dataset.csv"):
    """One item of an order; items of an order are numbered from 1."""

    order_id: Annotated[HexId, Key(), References("orders")]
    order_item_id: Annotated[Ordinal, Key()]
    product_id: Annotated[HexId, References("products")]
    seller_id: Annotated[HexId, References("sellers")]
    shipping_limit_date: Timestamp
    price: Money
    freight_value: Money


class OrderPayment(Row, table="order_payments", file="olist_order_payments_dataset.csv"):
    """One payment of an order; an order may be paid in several ways."""

    order_id: Annotated[HexId, Key(), References("orders")]
    payment_sequential: Annotated[Ordinal, Key()]
    payment_type: Annotated[PaymentType, Clean()]
    payment_installments: Count
    payment_value: Money


class OrderReview(Row, table="order_reviews", file="olist_order_reviews_dataset.csv"):
    """A review of an order. Several orders may have the same review_id."""

    review_id: Annotated[HexId, Key()]
    order_id: Annotated[HexId, Key(), References("orders")]
    review_score: Annotated[Ordinal, Field(le=5)]
    review_comment_title: Text | None = None
    review_comment_message: Text | None = None
    review_creation_date: Timestamp
    review_answer_timestamp: Timestamp
