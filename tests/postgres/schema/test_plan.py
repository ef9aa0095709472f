"""The plan of a deployment: exactly the statements that it executes, and a fingerprint that detects changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge import Integer, Key, Label, References, Renamed, Row, SmallInt, Text
from dataforge.errors import InvalidInput, SchemaRefused
from dataforge.postgres.roles import LOGINS, OWNER
from dataforge.tables.catalogue import Dataset
from dataforge.tables.structure import DatasetStructure, Structure, describe, rebuild
from functions.schema.apply.apply import apply
from functions.schema.apply.dataset import apply_dataset, plan_dataset
from functions.schema.apply.subject import Outcome
from functions.schema.plan import plan, read_catalogue
from local import postgres
from tests.postgres.schema.evolving import Tables, catalogues, dataset, fill

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")
Shop = Callable[..., Dataset]


class Item(Row, table="items"):
    item: Annotated[Integer, Key()]
    name: Label


class Order(Row, table="orders"):
    number: Annotated[Integer, Key()]
    item: Integer


class Thing(Row, table="things", renamed="items", narrowed="thing"):
    thing: Annotated[SmallInt, Key(), Renamed("item")]
    name: Label | None = None
    note: Text = "it's new"


class ThingOrder(Row, table="orders"):
    number: Annotated[Integer, Key()]
    item: Annotated[SmallInt, References("things")]


class Linked(Row, table="orders"):
    number: Annotated[Integer, Key()]
    item: Annotated[Integer, References("items")]


class Statements:
    """The statements on the schema ``shop`` that the server executes for one connection."""

    def __init__(self, database: Database, db: Connection) -> None:
        self.log, self.pid = postgres.log(database.server.config), db.info.backend_pid
        with db.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
        self.start = self.log.stat().st_size

    def changes(self) -> list[str]:
        with self.log.open() as log:
            log.seek(self.start)
            text = log.read()
        found = [
            entry.partition("statement: ")[2] for entry in text.split("LOG:  ") if "statement: " in entry
        ]
        verbs = ("ALTER", "CREATE", "DROP", "COMMENT", "GRANT", "UPDATE", "INSERT")
        return [
            _one_line(statement)
            for statement in found
            if statement.startswith(verbs)
            and "shop" in statement
            and "dataforge_scratch" not in statement
            and "schema_objects" not in statement
            and "schema_changes" not in statement
        ]


def _one_line(text: str) -> str:
    """The statement without the prefix of the next line of the log, and without its line ends."""
    return " ".join(text.split("\n20", 1)[0].split())


@pytest.fixture
def logged(database: Database) -> Database:
    """A database whose new connections log every statement."""
    database.query(f"ALTER DATABASE {database.name} SET log_statement = 'all'")
    return database


def planned(database: Database, *datasets: Dataset, large_rows: int = 1_000_000) -> dict[str, Any]:
    sent = Structure(datasets=tuple(map(describe, datasets))).model_dump(mode="json")
    reader, scratch = database.connect("master"), database.connect("master")
    return plan(reader, scratch, read_catalogue(sent), large_rows)


def fill_shop(database: Database) -> None:
    database.query("INSERT INTO shop.items VALUES (1, 'pen'); INSERT INTO shop.orders VALUES (1, 1)")


def test_deployment_executes_exactly_the_planned_statements(logged: Database, shop: Shop) -> None:
    apply(logged.connect("master"), PASSWORDS, [shop(Item, Order)])
    fill_shop(logged)
    new = shop(Thing, ThingOrder)
    # SmallInt of orders.item is narrower too, and not declared as such.
    refused = planned(logged, new)["refusals"]
    assert len(refused) == 1
    assert "shop.orders.item is integer, the catalogue declares smallint" in refused[0]
    new = shop(Thing, Order)
    found = planned(logged, new)
    assert found["refusals"] == []
    db = logged.connect("master")
    statements = Statements(logged, db)
    apply(db, PASSWORDS, [new], planned=found["fingerprint"])
    assert [_one_line(one["sql"]) for one in found["statements"]] == [
        text for text in statements.changes() if "schema_plans" not in text
    ]
    renamed = next(one for one in found["statements"] if "RENAME TO" in one["sql"])
    assert (renamed["blocks"], renamed["work"], renamed["rows"] > 0) == ("reads and writes", "catalog", True)


EXAMPLES = int(os.environ.get("EXAMPLES", "3"))


@pytest.fixture(scope="module")
def changing(another_database: Callable[[], Database]) -> tuple[Database, Connection]:
    """A database with statement log, and a connection for all examples, each of which is rolled back."""
    database = another_database()
    database.query(f"ALTER DATABASE {database.name} SET log_statement = 'all'")
    return database, database.connect("master")


@settings(max_examples=EXAMPLES, deadline=None)
@given(catalogues(), catalogues(), st.booleans(), st.sampled_from([1, 1_000_000]))
def test_any_change_executes_the_statements_that_were_planned_for_the_sent_catalogue(
    changing: tuple[Database, Connection], before: Tables, after: Tables, filled: bool, large_rows: int
) -> None:
    database, db = changing
    try:
        with db.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {OWNER}")
            list(apply_dataset(cursor, dataset(before), Outcome()))
            fill(cursor, before, {"items", "orders"} if filled else set(), nulls=False)
            new = dataset(after)
            sent = rebuild(DatasetStructure.model_validate_json(describe(new).model_dump_json()))
            expected, outcome = Outcome(large_rows), Outcome(large_rows)
            plan_dataset(cursor, sent, expected)
            statements = Statements(database, db)
            list(apply_dataset(cursor, new, outcome))
            assert outcome.refusals == expected.refusals
            if not outcome.refusals:
                ordered = sorted(expected.statements, key=lambda each: each.step)
                assert statements.changes() == [_one_line(each.sql) for each in ordered]
    finally:
        db.rollback()


def test_plan_changes_nothing_and_needs_no_change_for_the_deployed_catalogue(
    logged: Database, shop: Shop
) -> None:
    apply(logged.connect("master"), PASSWORDS, [shop(Item, Order)])
    tables = "SELECT oid, relname, relacl::text FROM pg_class ORDER BY 1"
    before = logged.query(tables)
    assert planned(logged, shop(Thing, Order))["statements"]
    found = planned(logged, shop(Item, Order))
    assert (found["statements"], found["later"], found["refusals"]) == ([], [], [])
    assert logged.query(tables) == before


def test_deployment_is_refused_if_the_database_has_changed_since_the_plan(
    database: Database, master: Connection, shop: Shop
) -> None:
    apply(master, PASSWORDS, [shop(Item, Order)])
    found = planned(database, shop(Item, Linked))
    database.query("ALTER TABLE shop.items ADD CONSTRAINT mine CHECK (item < 100)")
    with pytest.raises(SchemaRefused, match="the database has changed since the plan"):
        apply(master, PASSWORDS, [shop(Item, Linked)], planned=found["fingerprint"])
    assert database.query("SELECT to_regclass('shop.orders_item_idx')") == [(None,)]


def test_deployment_is_refused_if_the_catalogue_has_changed_since_the_plan(
    database: Database, master: Connection, shop: Shop
) -> None:
    apply(master, PASSWORDS, [shop(Item, Order)])
    found = planned(database, shop(Item, Linked))
    with pytest.raises(SchemaRefused, match="the catalogue has changed since the plan"):
        apply(master, PASSWORDS, [shop(Item, Order)], planned=found["fingerprint"])


def test_plan_that_was_applied_is_accepted_again_for_its_catalogue_only(
    database: Database, master: Connection, shop: Shop
) -> None:
    apply(master, PASSWORDS, [shop(Item, Order)])
    first = planned(database, shop(Item, Linked))["fingerprint"]
    apply(master, PASSWORDS, [shop(Item, Linked)], planned=first)
    assert apply(master, PASSWORDS, [shop(Item, Linked)], planned=first) == {"changes": []}
    with pytest.raises(SchemaRefused, match="the catalogue has changed"):
        apply(master, PASSWORDS, [shop(Item, Order)], planned=first)


def test_changes_of_a_large_table_are_planned_for_the_upkeep(
    database: Database, master: Connection, shop: Shop
) -> None:
    apply(master, PASSWORDS, [shop(Item, Order)])
    fill_shop(database)
    found = planned(database, shop(Item, Linked), large_rows=1)
    assert [one["sql"].split(" ON ")[0] for one in found["later"]] == [
        'ALTER TABLE "shop"."orders" VALIDATE CONSTRAINT "orders_item_fkey"',
        "CREATE INDEX CONCURRENTLY orders_item_idx",
    ]
    assert {one["blocks"] for one in found["later"]} == {"nothing"}
    [added] = [one for one in found["statements"] if "FOREIGN KEY" in one["sql"]]
    assert (added["blocks"], added["work"], added["also_blocks"]) == ("writes", "catalog", ["shop.items"])


@pytest.mark.parametrize(
    "document", [None, {}, {"datasets": [{"name": "shop", "tables": []}]}, {"datasets": "x"}]
)
def test_invalid_catalogue_is_refused(document: Any) -> None:
    with pytest.raises(InvalidInput, match="The catalogue is not valid"):
        read_catalogue(document)
