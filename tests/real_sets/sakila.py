"""The film rental shop Sakila: films, customers, rentals and payments."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from dataforge import (
    Boolean,
    Clean,
    Date,
    Format,
    Integer,
    Key,
    Name,
    Numeric,
    References,
    Row,
    SmallInt,
    Text,
    TimestampTz,
)

VALUE_FORMAT = Format(dates="%Y-%m-%d %H:%M:%S %Z")

Id = Annotated[Integer, Key()]
Amount = Annotated[Decimal, Numeric(5, 2), Clean()]
CountryId = Annotated[Integer, References("country")]
CityId = Annotated[Integer, References("city")]
AddressId = Annotated[Integer, References("address")]
LanguageId = Annotated[Integer, References("film_language")]
ActorId = Annotated[Integer, References("actor")]
FilmId = Annotated[Integer, References("film")]
CategoryId = Annotated[Integer, References("category")]
StaffId = Annotated[Integer, References("staff")]
StoreId = Annotated[Integer, References("store")]
CustomerId = Annotated[Integer, References("customer")]
InventoryId = Annotated[Integer, References("inventory")]
RentalId = Annotated[Integer, References("rental")]


class Country(Row, table="country", file="country.csv"):
    """A country."""

    country_id: Id
    country: Name


class City(Row, table="city", file="city.csv"):
    """A city."""

    city_id: Id
    city: Name
    country_id: CountryId


class Address(Row, table="address", file="address.csv"):
    """A postal address."""

    address_id: Id
    address: Name
    address2: Text | None = None
    district: Text | None = None
    city_id: CityId
    postal_code: Text | None = None
    phone: Text | None = None


class Actor(Row, table="actor", file="actor.csv"):
    """An actor."""

    actor_id: Id
    first_name: Name
    last_name: Name


class Category(Row, table="category", file="category.csv"):
    """A category of films."""

    category_id: Id
    category_name: Name


class Language(Row, table="film_language", file="film_language.csv"):
    """A language; the file pads its name with blanks."""

    language_id: Id
    language_name: Name


class Film(Row, table="film", file="film.csv"):
    """A film."""

    film_id: Id
    title: Name
    release_year: SmallInt
    language_id: LanguageId
    rental_duration: SmallInt
    rental_rate: Amount
    replacement_cost: Amount
    rating: Literal["G", "PG", "PG-13", "R", "NC-17"]


class FilmActor(Row, table="film_actor", file="film_actor.csv"):
    """An actor's part in a film."""

    actor_id: Annotated[ActorId, Key()]
    film_id: Annotated[FilmId, Key()]


class FilmCategory(Row, table="film_category", file="film_category.csv"):
    """A film's category."""

    film_id: Annotated[FilmId, Key()]
    category_id: Annotated[CategoryId, Key()]


class Store(Row, table="store", file="store.csv"):
    """A shop; its manager works in a shop, which may be this one."""

    store_id: Id
    manager_staff_id: StaffId
    address_id: AddressId


class Staff(Row, table="staff", file="staff.csv"):
    """An employee."""

    staff_id: Id
    first_name: Name
    last_name: Name
    address_id: AddressId
    email: Name
    store_id: StoreId
    active: Boolean
    username: Name


class Customer(Row, table="customer", file="customer.csv"):
    """A customer."""

    customer_id: Id
    store_id: StoreId
    first_name: Name
    last_name: Name
    email: Name
    address_id: AddressId
    create_date: Date


class Inventory(Row, table="inventory", file="inventory.csv"):
    """A copy of a film."""

    inventory_id: Id
    film_id: FilmId
    store_id: StoreId


class Rental(Row, table="rental", file="rental.csv"):
    """A rental."""

    rental_id: Id
    rental_date: TimestampTz
    inventory_id: InventoryId
    customer_id: CustomerId
    return_date: TimestampTz | None = None
    staff_id: StaffId


class Payment(Row, table="payment", file="payment.csv"):
    """A payment."""

    payment_id: Id
    customer_id: CustomerId
    staff_id: StaffId
    rental_id: RentalId
    amount: Amount
    payment_date: TimestampTz
