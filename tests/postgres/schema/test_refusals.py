"""Changes of the catalogue that would lose data are refused, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from pydantic import Field

from dataforge.errors import SchemaRefused
from dataforge.postgres.roles import LOGINS
from dataforge.tables.catalogue import Dataset
from dataforge.tables.columns import Count, Double, Integer, Key, Label, References, Text
from dataforge.tables.row import Row
from functions.schema.apply.apply import apply
from functions.schema.server_version import require_version, version_findings

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

Shop = Callable[..., Dataset]
PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")
STATE = """
    SELECT c.oid::regclass::text, attname, attnum, format_type(atttypid, atttypmod), attnotnull FROM pg_class c
    JOIN pg_attribute ON attrelid = c.oid WHERE relnamespace = 'shop'::regnamespace AND attnum > 0
    UNION ALL SELECT conname, pg_get_constraintdef(oid), 0, '', false FROM pg_constraint
    WHERE connamespace = 'shop'::regnamespace ORDER BY 1, 2, 3
"""


class Item(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Literal["old", "new"]
    amount: Count
    note: Text | None = None


class Order(Row, table="orders"):
    number: Annotated[Integer, Key()]
    item: Annotated[Label, References("items")]


class WithoutNote(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Literal["old", "new"]
    amount: Count


class OtherType(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Literal["old", "new"]
    amount: Double
    note: Text | None = None


class NotNull(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Literal["old", "new"]
    amount: Count
    note: Text


class Narrower(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Literal["new"]
    amount: Annotated[Count, Field(le=2)]
    note: Text | None = None


class Reordered(Row, table="items"):
    item: Annotated[Label, Key()]
    amount: Count
    kind: Literal["old", "new"]
    note: Text | None = None


class Between(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Literal["old", "new"]
    colour: Text | None = None
    amount: Count
    note: Text | None = None


class NewNotNull(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Literal["old", "new"]
    amount: Count
    note: Text | None = None
    colour: Label


class OtherKey(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Annotated[Literal["old", "new"], Key()]
    amount: Count
    note: Text | None = None


class Lonely(Row, table="orders"):
    number: Annotated[Integer, Key()]
    item: Label


class Twice(Row, table="orders"):
    number: Integer
    item: Annotated[Label, Key()]


class Good(Row, table="shelves"):
    """A table without problems."""

    shelf: Annotated[Integer, Key()]


@pytest.fixture
def filled(database: Database, master: Connection, shop: Shop) -> Database:
    """Items and orders with rows."""
    apply(master, PASSWORDS, [shop(Item, Order)])
    database.query("INSERT INTO shop.items VALUES ('pen', 'old', 3, NULL), ('ink', 'new', 0, 'blue')")
    database.query("INSERT INTO shop.orders VALUES (1, 'pen'), (2, 'pen')")
    return database


def refusal(database: Database, master: Connection, *datasets: Dataset) -> str:
    """The text of the refusal, after a check that the schema is unchanged."""
    before = database.query(STATE)
    with pytest.raises(SchemaRefused) as raised:
        apply(master, PASSWORDS, datasets)
    assert database.query(STATE) == before
    return str(raised.value)


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ((Good, WithoutNote, Order), ["shop.items has a column note", "would lose data"]),
        ((Good, OtherType, Order), ["shop.items.amount is integer", "double precision"]),
        ((Good, NotNull, Order), ["shop.items.note", "NOT NULL", "1 row(s) are NULL"]),
        (
            (Good, Narrower, Order),
            ["shop.items", "items_kind_check", "items_amount_check", "1 row(s) violate it"],
        ),
        ((Good, Reordered, Order), ["shop.items", "cannot reorder"]),
        ((Good, Between, Order), ["shop.items", "after note"]),
        ((Good, NewNotNull, Order), ["shop.items.colour is new and NOT NULL"]),
        ((Good, Item, Twice), ["shop.orders", "orders_pkey", "1 row(s) violate it"]),
        ((Good, WithoutNote, Twice), ["shop.items has a column note", "orders_pkey"]),
    ],
)
def test_change_that_loses_data_or_violates_rows_is_refused_with_the_column(
    filled: Database, master: Connection, shop: Shop, models: tuple[type[Row], ...], words: list[str]
) -> None:
    text = refusal(filled, master, shop(*models))
    assert text.startswith("The schema was not changed: ")
    assert all(word in text for word in words), text


def test_key_that_an_owners_foreign_key_uses_is_not_changed(
    filled: Database, master: Connection, shop: Shop
) -> None:
    filled.query('CREATE TABLE public.mine (item text COLLATE "C" REFERENCES shop.items)')
    text = refusal(filled, master, shop(OtherKey, Lonely))
    assert "shop.items: constraint items_pkey cannot be changed" in text
    assert "constraint mine_item_fkey on table public.mine depends on" in text


def test_key_is_changed_if_its_references_are_removed_in_the_same_deployment(
    filled: Database, master: Connection, shop: Shop
) -> None:
    changes = apply(master, PASSWORDS, [shop(OtherKey, Lonely)])["changes"]
    assert "dropped constraint shop.orders_item_fkey" in changes
    assert "dropped index shop.orders_item_idx" in changes
    assert "changed constraint shop.items_pkey" in changes


def test_refusal_names_the_problems_of_several_tables(
    filled: Database, master: Connection, shop: Shop
) -> None:
    filled.query(
        "ALTER TABLE shop.items ADD COLUMN extra text; ALTER TABLE shop.orders ADD COLUMN other text"
    )
    text = refusal(filled, master, shop(Narrower, Twice))
    assert "shop.items has a column extra" in text
    assert "shop.orders has a column other" in text


def test_old_server_is_refused_with_its_version() -> None:
    require_version(160_000)
    with pytest.raises(SchemaRefused, match=r"needs PostgreSQL 16 or newer; this server is PostgreSQL 15\."):
        require_version(150_018)


@pytest.mark.parametrize("number", [160_014, 170_010, 180_004])
def test_doctor_finds_nothing_about_a_supported_server(number: int) -> None:
    assert list(version_findings(number)) == []


@pytest.mark.parametrize(
    ("number", "text"), [(150_018, "needs PostgreSQL 16"), (190_000, "tested with PostgreSQL 16 to 18")]
)
def test_doctor_reports_a_server_that_is_too_old_or_newer_than_the_tested_ones(
    number: int, text: str
) -> None:
    (found,) = version_findings(number)
    assert found.code == "server_version"
    assert text in found.detail
    assert f"this server is PostgreSQL {number // 10_000}." in found.detail
