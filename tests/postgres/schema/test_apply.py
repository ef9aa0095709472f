"""Apply a catalogue: additions to filled tables, privileges, logins, and idempotency."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Literal

import psycopg2
import pytest
from pydantic import Field

from dataforge.errors import SchemaRefused, Unavailable
from dataforge.postgres import ddl
from dataforge.postgres.roles import LOGINS
from dataforge.runs.ledger_tables import INTERNAL
from dataforge.tables.catalogue import Dataset
from dataforge.tables.checks import Check
from dataforge.tables.columns import Count, Identity, Integer, Key, Label, References, Renamed, Text
from dataforge.tables.datasets import DATASETS
from dataforge.tables.row import Row
from functions.schema.apply.apply import apply
from functions.schema.difference import LEDGER_TABLES, shapes
from functions.schema.doctor.master import require_sign_in
from local import postgres

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

Shop = Callable[..., Dataset]
PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")


class Item(Row, table="items", file="items.csv"):
    """An article for sale."""

    item: Annotated[Label, Key()]
    kind: Literal["old", "new"]
    amount: Count


class Order(Row, table="orders", file="orders.csv"):
    """An order of an item."""

    number: Annotated[Integer, Key()]
    item: Annotated[Label, References("items")]


class WiderItem(Row, table="items", file="items.csv"):
    """An article for sale or for rent."""

    item: Annotated[Label, Key()]
    kind: Literal["old", "new", "rented"]
    amount: Integer | None = None
    note: Text | None = Field(default=None, description="A remark.")


class Shelf(Row, table="shelves", file="shelves.csv"):
    """A place where items are stored."""

    shelf: Annotated[Integer, Key()]
    item: Annotated[Label, References("items")] | None = None


def fill(database: Database) -> None:
    database.query("INSERT INTO shop.items VALUES ('pen', 'old', 3), ('ink', 'new', 0)")
    database.query("INSERT INTO shop.orders VALUES (1, 'pen')")


def test_second_apply_changes_nothing(master: Connection) -> None:
    assert apply(master, PASSWORDS) == {"changes": []}


def test_apply_creates_every_declared_table_in_an_empty_database(empty_database: Database) -> None:
    master = empty_database.connect("master")
    changes = apply(master, PASSWORDS)["changes"]
    names = {f"{d.name}.{t.name}" for d in DATASETS.values() for t in d.tables.values()}
    names |= {f"dataforge.{name}" for name in LEDGER_TABLES}
    assert {change.removeprefix("created ") for change in changes if change.startswith("created ")} == names
    cursor = master.cursor()
    for table in (t for d in DATASETS.values() for t in d.tables.values()):
        shape = shapes(cursor, table.dataset)[table.name]
        assert tuple(shape.columns) == table.column_names
        assert [(c.type, c.not_null) for c in shape.columns.values()] == [
            (c.type.sql, not c.nullable) for c in table.columns
        ]
        assert shape.constraints.keys() == {name for name, _ in ddl.constraints(table)}


def test_fingerprinted_statements_create_the_same_tables_as_apply(
    empty_database: Database, database: Database
) -> None:
    db = empty_database.superuser()
    with db.cursor() as cursor:
        for statement in (*INTERNAL, *(s for d in DATASETS.values() for s in ddl.dataset_statements(d))):
            cursor.execute(statement)
    described = (
        "SELECT c.oid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull, col_description(c.oid, attnum)"
        " FROM pg_class c JOIN pg_attribute ON attrelid = c.oid WHERE attnum > 0"
        " AND relnamespace::regnamespace::text IN ('dataforge', 'olist', 'quotes') ORDER BY 1, attnum"
    )
    constraints = (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace::regnamespace::text IN ('dataforge', 'olist', 'quotes') ORDER BY 1, 2"
    )
    for query in (described, constraints):
        assert empty_database.query(query) == database.query(query)


def test_apply_adds_new_columns_and_constraints_to_filled_tables(
    database: Database, master: Connection, shop: Shop
) -> None:
    apply(master, PASSWORDS, [shop(Item, Order)])
    fill(database)
    changes = apply(master, PASSWORDS, [shop(WiderItem, Order, Shelf)])["changes"]
    assert changes == [
        "created shop.shelves",
        "dropped constraint shop.items_amount_check",
        "drop not null on shop.items.amount",
        "added shop.items.note",
        "changed constraint shop.items_kind_check",
        "added constraint shop.shelves_pkey",
        "added constraint shop.shelves_item_check",
        "added constraint shop.shelves_item_fkey",
        "added index shop.shelves_item_idx",
    ]
    assert database.query("TABLE shop.items") == [("pen", "old", 3, None), ("ink", "new", 0, None)]
    database.query("INSERT INTO shop.items VALUES ('car', 'rented', NULL, 'red')")
    with pytest.raises(psycopg2.errors.CheckViolation):
        database.query("INSERT INTO shop.items VALUES ('cab', 'lost', 1, NULL)")
    assert database.query("SELECT col_description('shop.items'::regclass, 4)") == [("A remark.",)]
    assert apply(master, PASSWORDS, [shop(WiderItem, Order, Shelf)]) == {"changes": []}


def test_column_missing_in_an_earlier_ledger_is_added_with_its_privileges(
    database: Database, master: Connection
) -> None:
    database.query("ALTER TABLE dataforge.migration_chunks DROP COLUMN tallies")
    apply(master, PASSWORDS)
    assert database.query(
        "SELECT has_column_privilege('dataforge_load', 'dataforge.migration_chunks', 'tallies', 'UPDATE')"
    ) == [(True,)]


def test_new_table_belongs_to_the_owner(database: Database, master: Connection, shop: Shop) -> None:
    apply(master, PASSWORDS, [shop(Item)])
    owner = database.query("SELECT tableowner FROM pg_tables WHERE schemaname = 'shop'")
    assert owner == [("dataforge_owner",)]


def test_constraint_of_an_owner_stays(database: Database, master: Connection, shop: Shop) -> None:
    apply(master, PASSWORDS, [shop(Item)])
    database.query("ALTER TABLE shop.items ADD CONSTRAINT mine CHECK (amount < 100)")
    assert apply(master, PASSWORDS, [shop(Item)]) == {"changes": []}
    assert database.query("SELECT 1 FROM pg_constraint WHERE conname = 'mine'") == [(1,)]


def test_concurrent_applies_run_one_after_the_other(database: Database, shop: Shop) -> None:
    connections = [database.connect("master") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda db: apply(db, PASSWORDS, [shop(Item, Order)]), connections))
    assert sorted(len(answer["changes"]) > 0 for answer in answers) == [False, False, True]


def test_server_log_contains_no_password(database: Database, master: Connection) -> None:
    database.query(f"ALTER DATABASE {database.name} SET log_statement = 'all'")
    secret = "a secret password"
    try:
        apply(database.connect("master"), dict.fromkeys(LOGINS, secret))
        log = postgres.log(database.server.config).read_text()
        assert "ALTER ROLE" in log
        assert secret not in log
        database.connect(LOGINS[0], secret)
    finally:
        apply(master, PASSWORDS)


def test_iam_without_rds_is_refused(master: Connection) -> None:
    with pytest.raises(SchemaRefused, match="rds_iam"):
        apply(master, dict.fromkeys(LOGINS))


def test_roles_sign_in_by_iam_on_rds(database: Database, master: Connection) -> None:
    database.query("CREATE ROLE rds_iam; GRANT rds_iam TO master WITH ADMIN OPTION")
    try:
        apply(master, dict.fromkeys(LOGINS))
        members = "SELECT member::regrole::text FROM pg_auth_members WHERE roleid = 'rds_iam'::regrole"
        assert {name for (name,) in database.query(members)} >= set(LOGINS)
    finally:
        database.query("DROP ROLE rds_iam")


def test_apply_leaves_master_without_membership_in_the_logins(database: Database, master: Connection) -> None:
    login = LOGINS[0]
    with master.cursor() as cursor:
        cursor.execute(f"GRANT {login} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
    master.commit()
    apply(master, PASSWORDS)
    own = f"""
        SELECT count(*) FROM pg_auth_members
        WHERE roleid = '{login}'::regrole AND member = 'master'::regrole AND grantor = 'master'::regrole
    """
    assert database.query(own) == [(0,)]


@pytest.fixture
def on_rds(database: Database, master: Connection) -> Iterator[Callable[[], set[str]]]:
    """Enable IAM for the logins; the result is a function that returns the members of rds_iam."""
    database.query("CREATE ROLE rds_iam; GRANT rds_iam TO master WITH ADMIN OPTION")
    apply(master, dict.fromkeys(LOGINS))
    members = "SELECT member::regrole::text FROM pg_auth_members WHERE roleid = 'rds_iam'::regrole"
    yield lambda: {name for (name,) in database.query(members)} & set(LOGINS)
    database.query("DROP ROLE rds_iam")


def test_apply_reverts_iam_if_the_master_can_no_longer_sign_in(
    on_rds: Callable[[], set[str]], master: Connection
) -> None:
    def locked_out() -> None:
        raise Unavailable('The database refused: PAM authentication failed for user "master".')

    with pytest.raises(SchemaRefused, match="could no longer sign in"):
        require_sign_in(master, locked_out)
    assert on_rds() == set()


def test_apply_keeps_iam_if_the_master_signs_in_or_is_unreachable(
    on_rds: Callable[[], set[str]], master: Connection
) -> None:
    def unreachable() -> None:
        raise Unavailable("The database did not answer.")

    require_sign_in(master, lambda: None)
    require_sign_in(master, unreachable)
    assert on_rds() == set(LOGINS)


def test_check_that_rows_break_is_refused_with_their_number(master: Connection, shop: Shop) -> None:
    """A check is added once all rows satisfy it, and dropped when it is no longer declared."""

    class Before(Row, table="visits"):
        visit: Annotated[Integer, Key()]
        began: Integer | None = None
        ended: Integer | None = None

    class After(Before, table="visits", checks=(Check("ended", ">=", "began"),)):
        pass

    apply(master, PASSWORDS, [shop(Before)])
    with master, master.cursor() as cursor:
        cursor.execute("INSERT INTO shop.visits VALUES (1, 2, 1), (2, 5, 1), (3, NULL, 1), (4, 1, 1)")
    with pytest.raises(
        SchemaRefused, match=r"visits_ended_ge_began_check cannot be changed: 2 row\(s\) violate it"
    ):
        apply(master, PASSWORDS, [shop(After)])
    with master, master.cursor() as cursor:
        cursor.execute("UPDATE shop.visits SET ended = 9")
    added = apply(master, PASSWORDS, [shop(After)])["changes"]
    assert added == ["added constraint shop.visits_ended_ge_began_check"]
    assert apply(master, PASSWORDS, [shop(After)])["changes"] == []
    assert apply(master, PASSWORDS, [shop(Before)])["changes"] == [
        "dropped constraint shop.visits_ended_ge_began_check"
    ]


class Visitor(Row, table="visitors"):
    """A person."""

    visitor: Annotated[Integer, Key()]


class Numbered(Row, table="visitors"):
    """A person who gets a number."""

    visitor: Annotated[Integer, Key(), Identity()]


def test_identity_of_a_table_with_rows_continues_after_them(
    master: Connection, shop: Shop, database: Database
) -> None:
    apply(master, PASSWORDS, [shop(Visitor)])
    database.query("INSERT INTO shop.visitors VALUES (1), (70)")
    changes = apply(master, PASSWORDS, [shop(Numbered)])["changes"]
    assert changes == ["changed the identity of shop.visitors.visitor"]
    assert database.query("INSERT INTO shop.visitors DEFAULT VALUES RETURNING visitor") == [(71,)]
    usage = "SELECT has_sequence_privilege('dataforge_ingest', 'shop.visitors_visitor_seq', 'USAGE')"
    assert database.query(usage) == [(True,)]
    assert apply(master, PASSWORDS, [shop(Numbered)])["changes"] == []
    assert apply(master, PASSWORDS, [shop(Visitor)])["changes"] == changes


class Log(Row, table="logs"):
    """A line of a log."""

    line: Text | None = None


class Journal(Row, table="journal", renamed="logs", distinct=True):
    """A line of a journal, written once."""

    text: Annotated[Text, Renamed("line")] | None = None
    number: Integer | None = None


class Guest(Row, table="guests", renamed="visitors"):
    """A person who gets a number."""

    guest: Annotated[Integer, Key(), Identity(), Renamed("visitor")]


def test_tables_without_a_key_and_with_an_identity_are_renamed_and_extended(
    master: Connection, shop: Shop, database: Database
) -> None:
    apply(master, PASSWORDS, [shop(Log, Numbered)])
    database.query("INSERT INTO shop.logs VALUES ('a'), ('a'), (NULL); INSERT INTO shop.visitors VALUES (7)")
    with pytest.raises(SchemaRefused, match="journal_row_key"):
        apply(master, PASSWORDS, [shop(Journal, Guest)])
    database.query("DELETE FROM shop.logs WHERE ctid IN (SELECT max(ctid) FROM shop.logs WHERE line = 'a')")
    apply(master, PASSWORDS, [shop(Journal, Guest)])
    indexes = "SELECT indexname FROM pg_indexes WHERE schemaname = 'shop' AND tablename = 'journal'"
    assert database.query(indexes) == [("journal_row_key",)]
    assert apply(master, PASSWORDS, [shop(Journal, Guest)])["changes"] == []
