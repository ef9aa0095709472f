"""Objects that are no longer declared: dropped if Data Forge created them and no data is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import pytest

from dataforge.errors import SchemaRefused
from dataforge.postgres.roles import LOGINS
from dataforge.tables.catalogue import Dataset
from dataforge.tables.columns import Count, Integer, Key, Label, References, Text
from dataforge.tables.datasets import DATASETS
from dataforge.tables.row import Row
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import examine

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

Shop = Callable[..., Dataset]
PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")


class Item(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Annotated[Literal["old", "new"], Key()]
    amount: Count


class Narrow(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Literal["old", "new"] | None = None
    amount: Count


class Retyped(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Annotated[Literal["old", "new"], Key()]
    amount: Text


class Reordered(Row, table="items"):
    amount: Count
    item: Annotated[Label, Key()]
    kind: Annotated[Literal["old", "new"], Key()]


class Noted(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Annotated[Literal["old", "new"], Key()]
    amount: Count
    note: Text | None = None


class Parent(Row, table="parents"):
    name: Annotated[Label, Key()]


class Child(Row, table="children"):
    number: Annotated[Integer, Key()]
    name: Annotated[Label, References("parents")]
    amount: Count


class Orphan(Row, table="children"):
    number: Annotated[Integer, Key()]
    name: Label
    amount: Integer


@pytest.fixture
def deploy(master: Connection, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Apply the dataset of some models, and examine it with the doctor."""

    def apply_models(*models: type[Row]) -> list[str]:
        dataset = shop(*models)
        changes: list[str] = apply(master, PASSWORDS, [dataset])["changes"]
        monkeypatch.setitem(DATASETS, "shop", dataset)
        return changes

    return apply_models


def codes(master: Connection) -> set[str]:
    return {f["code"] for f in examine(master) if f["object"].startswith("shop.")}


Deploy = Callable[..., list[str]]


def test_removed_foreign_key_check_and_index_are_found_and_dropped(
    database: Database, master: Connection, deploy: Deploy, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(Parent, Child)
    database.query("INSERT INTO shop.parents VALUES ('a'); INSERT INTO shop.children VALUES (1, 'a', 1)")
    monkeypatch.setitem(DATASETS, "shop", shop(Parent, Orphan))
    assert codes(master) == {"undeclared_constraint", "undeclared_index"}
    assert deploy(Parent, Orphan) == [
        "dropped constraint shop.children_name_fkey",
        "dropped constraint shop.children_amount_check",
        "dropped index shop.children_name_idx",
    ]
    database.query("DELETE FROM shop.parents; UPDATE shop.children SET amount = -1")
    assert codes(master) == set()


def test_removed_table_keeps_its_rows_and_loses_its_foreign_key(
    database: Database, master: Connection, deploy: Deploy
) -> None:
    deploy(Parent, Child)
    database.query("INSERT INTO shop.parents VALUES ('a'); INSERT INTO shop.children VALUES (1, 'a', 1)")
    assert deploy(Parent) == ["dropped constraint shop.children_name_fkey"]
    [finding] = [f for f in examine(master) if f["code"] == "undeclared_table"]
    assert finding["object"] == "shop.children"
    assert finding["hint"] == 'Declare it again, or: DROP TABLE "shop"."children"'
    assert database.query("SELECT count(*) FROM shop.children") == [(1,)]


OWN = """
    CREATE SCHEMA mine;
    CREATE VIEW mine.sums AS SELECT count(*) FROM shop.children;
    CREATE INDEX ON shop.children (amount);
    CREATE INDEX mine_idx ON shop.children (name, amount);
    ALTER TABLE shop.children ADD UNIQUE (amount, name), ADD CONSTRAINT mine CHECK (amount < 100),
        ADD CONSTRAINT mine_fkey FOREIGN KEY (name) REFERENCES shop.parents;
    CREATE FUNCTION mine.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER mine BEFORE INSERT ON shop.children FOR EACH ROW EXECUTE FUNCTION mine.nothing();
    CREATE TABLE shop.own (name text COLLATE "C" REFERENCES shop.parents);
"""
OBJECTS = """
    SELECT conname FROM pg_constraint WHERE conrelid = 'shop.children'::regclass AND contype <> 'n'
    UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'shop.children'::regclass
    UNION ALL SELECT tgname FROM pg_trigger WHERE tgrelid = 'shop.children'::regclass AND NOT tgisinternal
    UNION ALL SELECT viewname FROM pg_views WHERE schemaname = 'mine'
    UNION ALL SELECT conname FROM pg_constraint WHERE conrelid = 'shop.own'::regclass ORDER BY 1
"""


def test_objects_with_names_of_an_owner_stay(database: Database, deploy: Deploy) -> None:
    deploy(Parent, Child)
    before = {name for (name,) in database.query(OBJECTS.partition("UNION ALL SELECT viewname")[0])}
    database.query(OWN)
    with_own = {name for (name,) in database.query(OBJECTS)}
    deploy(Parent, Orphan)
    gone = {"children_name_fkey", "children_amount_check", "shop.children_name_idx"}
    assert {name for (name,) in database.query(OBJECTS)} == with_own - gone
    assert gone <= before


def test_key_that_is_narrowed_and_made_nullable_in_one_deployment_is_changed(
    database: Database, master: Connection, deploy: Deploy
) -> None:
    deploy(Item)
    database.query("INSERT INTO shop.items VALUES ('pen', 'old', 1)")
    deploy(Narrow)
    assert codes(master) == set()
    database.query("INSERT INTO shop.items VALUES ('ink', NULL, 1)")


def test_refusal_of_a_narrowed_key_names_the_table_and_no_value(database: Database, deploy: Deploy) -> None:
    deploy(Item)
    database.query("INSERT INTO shop.items VALUES ('a secret', 'old', 1), ('a secret', 'new', 1)")
    with pytest.raises(SchemaRefused) as raised:
        deploy(Narrow)
    assert "shop.items: constraint items_pkey cannot be changed: 1 row(s) violate it" in str(raised.value)
    assert "secret" not in str(raised.value)


OBSTACLES = [
    ("CREATE VIEW mine.v AS SELECT amount FROM shop.items", Retyped, "view mine.v depends on column"),
    ("CREATE VIEW mine.v AS SELECT amount FROM shop.items", Reordered, "cannot"),
    ("CREATE INDEX mine ON shop.items (item, amount)", Reordered, "index shop.mine"),
    ("GRANT SELECT (item) ON shop.items TO pg_monitor", Reordered, "a right on the column"),
    ("ALTER TABLE shop.items ALTER item SET DEFAULT 'pen'", Reordered, "default value"),
    ("ALTER TABLE shop.items ADD CONSTRAINT mine CHECK (amount < 9)", Retyped, "amount cannot become"),
]


def test_refusal_names_an_owners_object_on_a_column_of_an_empty_table(
    database: Database, master: Connection, shop: Shop
) -> None:
    for owned, model, words in OBSTACLES:
        apply(master, PASSWORDS, [shop(Item)])
        database.query(f"CREATE SCHEMA mine; {owned}")
        with pytest.raises(SchemaRefused, match=r"shop\.items") as raised:
            apply(master, PASSWORDS, [shop(model)])
        assert words in str(raised.value)
        database.query("DROP SCHEMA mine CASCADE; DROP TABLE shop.items")


def test_privileges_and_triggers_of_an_empty_table_survive_its_change(
    database: Database, master: Connection, deploy: Deploy
) -> None:
    deploy(Item)
    database.query(
        "GRANT SELECT ON shop.items TO pg_monitor;"
        "CREATE FUNCTION shop.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER mine BEFORE INSERT ON shop.items FOR EACH ROW EXECUTE FUNCTION shop.nothing()"
    )
    deploy(Reordered)
    deploy(Retyped)
    assert codes(master) == set()
    assert database.query("SELECT tgname FROM pg_trigger WHERE tgrelid = 'shop.items'::regclass") == [
        ("mine",)
    ]
    assert database.query("SELECT has_table_privilege('pg_monitor', 'shop.items', 'SELECT')") == [(True,)]


def test_new_text_column_is_sorted_by_bytes(database: Database, deploy: Deploy) -> None:
    deploy(Item)
    database.query("INSERT INTO shop.items VALUES ('pen', 'old', 1)")
    deploy(Noted)
    collations = "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_name = 'items'"
    assert database.query(f"{collations} AND data_type = 'text'") == [("C",)]


def test_column_without_collation_of_an_earlier_version_is_reported_and_fixed(
    database: Database, master: Connection, deploy: Deploy
) -> None:
    deploy(Noted)
    database.query("INSERT INTO shop.items VALUES ('pen', 'old', 1, 'x')")
    database.query('ALTER TABLE shop.items ALTER note TYPE text COLLATE "default"')
    assert codes(master) == {"wrong_type"}
    assert deploy(Noted) == ['changed the type of shop.items.note to text COLLATE "C"']
    assert codes(master) == set()
