"""Any write to a table since an observation is recognized, however it was made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.postgres.unwritten import State, is_unwritten, observe
from dataforge.tables.datasets import get_dataset

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

TABLE = get_dataset("olist").table("sellers")
INSERT = "INSERT INTO olist.sellers SELECT md5(i::text), '01037', 'a', 'SP' FROM generate_series({}, {}) i"


def observed(database: Database) -> State:
    """The state of the table, filled with nine rows."""
    database.query(INSERT.format(1, 9))
    return looked_at(database)


def looked_at(database: Database) -> State:
    with database.superuser().cursor() as cursor:
        state = observe(cursor, TABLE)
    assert state is not None
    return state


def unwritten(database: Database, state: State) -> bool:
    with database.superuser().cursor() as cursor:
        return is_unwritten(cursor, TABLE, state)


@pytest.mark.parametrize(
    "statements",
    [
        ["SELECT FROM olist.sellers FOR UPDATE"],
        ["VACUUM FREEZE olist.sellers"],
        ["VACUUM FULL olist.sellers"],
        ["BEGIN", INSERT.format(10, 12), "UPDATE olist.sellers SET seller_city = 'b'", "ROLLBACK"],
        ["ALTER TABLE olist.sellers DISABLE TRIGGER ALL"],
        ["INSERT INTO olist.customers VALUES (md5('1'), md5('1'), '01037', 'a', 'SP')"],
        ["CREATE INDEX other ON olist.sellers (seller_city)"],
    ],
)
def test_what_writes_no_row_leaves_the_table_unwritten(database: Database, statements: list[str]) -> None:
    state = observed(database)
    run(database, statements)
    assert unwritten(database, state)


def run(database: Database, statements: list[str]) -> None:
    with database.superuser().cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


REPLACED = "DELETE FROM olist.sellers WHERE seller_id = md5('1')"


@pytest.mark.parametrize(
    "statements",
    [
        [INSERT.format(10, 10)],
        [REPLACED],
        ["UPDATE olist.sellers SET seller_city = seller_city WHERE seller_id = md5('1')"],
        [REPLACED, INSERT.format(1, 1)],
        ["BEGIN", REPLACED, "SAVEPOINT s", INSERT.format(1, 1), "RELEASE s", "COMMIT"],
        ["TRUNCATE olist.sellers CASCADE"],
        ["SET session_replication_role = replica", REPLACED, INSERT.format(1, 1)],
        ["ALTER TABLE olist.sellers DISABLE TRIGGER ALL", REPLACED, INSERT.format(1, 1)],
        [
            "CREATE TABLE olist.other (LIKE olist.sellers INCLUDING ALL)",
            "INSERT INTO olist.other SELECT * FROM olist.sellers",
            "ALTER TABLE olist.sellers RENAME TO former",
            "ALTER TABLE olist.other RENAME TO sellers",
        ],
        [
            "ALTER TABLE olist.sellers DROP seller_state",
            "ALTER TABLE olist.sellers ADD seller_state text NOT NULL DEFAULT 'RJ'",
        ],
        [
            "ALTER TABLE olist.sellers RENAME seller_city TO other",
            "ALTER TABLE olist.sellers RENAME seller_state TO seller_city",
            "ALTER TABLE olist.sellers RENAME other TO seller_state",
        ],
        ["ALTER TABLE olist.sellers ALTER seller_city TYPE text USING upper(seller_city)"],
        [
            "CREATE TABLE olist.child () INHERITS (olist.sellers)",
        ],
    ],
)
def test_every_write_is_recognized(database: Database, statements: list[str]) -> None:
    state = observed(database)
    run(database, statements)
    assert not unwritten(database, state)


@pytest.mark.parametrize("savepoint", [False, True])
@pytest.mark.parametrize("before", [False, True], ids=["begun after", "begun before"])
def test_write_that_was_open_at_the_observation_is_recognized(
    database: Database, *, savepoint: bool, before: bool
) -> None:
    database.query(INSERT.format(1, 9))
    writer = database.superuser()
    steps = [
        "BEGIN",
        "SELECT pg_current_xact_id()",
        *(["SAVEPOINT s"] if savepoint else []),
        REPLACED,
        INSERT.format(1, 1),
    ]
    with writer.cursor() as cursor:
        for statement in steps if before else steps[:2]:
            cursor.execute(statement)
        state = looked_at(database)
        for statement in [] if before else steps[2:]:
            cursor.execute(statement)
        assert unwritten(database, state)
        cursor.execute("COMMIT")
    assert not unwritten(database, state)


def test_rows_younger_than_an_open_transaction_cannot_be_recognized_later(database: Database) -> None:
    with database.superuser().cursor() as writer, database.superuser().cursor() as cursor:
        writer.execute("BEGIN; SELECT pg_current_xact_id()")
        database.query(INSERT.format(1, 9))
        assert observe(cursor, TABLE) is None
        writer.execute("COMMIT")
        assert observe(cursor, TABLE) is not None


def test_state_of_another_epoch_of_transaction_numbers_proves_nothing(database: Database) -> None:
    state = observed(database)
    assert not unwritten(database, state.model_copy(update={"before": state.before + 2**32}))


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writes=st.lists(
        st.sampled_from(["insert", "delete", "update", "truncate", "abort"]), min_size=1, max_size=6
    )
)
def test_same_content_is_claimed_only_if_no_write_was_committed(
    module_database: Database, writes: list[str]
) -> None:
    module_database.query("TRUNCATE olist.sellers CASCADE")
    state = observed(module_database)
    statements: dict[str, Callable[[int], list[str]]] = {
        "insert": lambda n: [INSERT.format(10 + n, 10 + n)],
        "delete": lambda n: [f"DELETE FROM olist.sellers WHERE seller_id = md5('{n + 1}')"],
        "update": lambda n: ["UPDATE olist.sellers SET seller_city = 'b'"],
        "truncate": lambda n: ["TRUNCATE olist.sellers CASCADE"],
        "abort": lambda n: ["BEGIN", INSERT.format(20 + n, 20 + n), "ROLLBACK"],
    }
    for number, write in enumerate(writes):
        run(module_database, statements[write](number))
    assert unwritten(module_database, state) == (set(writes) == {"abort"})
