"""No forged cursor of a page of records causes a 500, and none is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.postgres.roles import DELIVER, INGEST, LOGINS
from tests.forged_cursors import POSITION, forged, signed

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.deliver.conftest import Api

SCOPE = ["olist", "order_items", []]


@pytest.fixture(scope="module")
def cursors(api: Api, delivered: Database) -> dict[str, str]:
    """A cursor of each of several lists, by its path and query."""
    fill(delivered)
    lists = ["tables/products/records?limit=1", "tables/order_items/records?limit=1"]
    lists += ["tables/order_items/records?limit=1&price=gt.0", "tables/tags/records?dataset=quotes&limit=1"]
    return {name: get(api, name).json["next_cursor"] for name in lists}


def fill(database: Database) -> None:
    """Store two or more rows in each listed table."""
    database.query("SET session_replication_role = replica; " + "; ".join(ROWS))


ROWS = [
    "INSERT INTO olist.products (product_id) SELECT md5(n::text) FROM generate_series(1, 3) n",
    "INSERT INTO olist.order_items SELECT md5(n::text), n, md5('p'), md5('s'), '2018-01-01', 1, 1"
    " FROM generate_series(1, 3) n",
    "INSERT INTO quotes.tags (name) VALUES ('a'), ('b'), ('c')",
]


def get(api: Api, address: str, **more: str) -> Any:
    path, _, query = address.partition("?")
    return api.get(path, "&".join(filter(None, [query, urlencode(more, errors="surrogatepass")])))


@settings(max_examples=25)
@given(data=st.data())
def test_forged_cursor_is_400(api: Api, cursors: dict[str, str], data: st.DataObject) -> None:
    cursor = data.draw(forged(list(cursors.values()), SCOPE))
    address = data.draw(st.sampled_from(list(cursors)))
    reply = get(api, address, cursor=cursor)
    assert reply.status == (200 if cursor == cursors[address] else 400), reply.body
    if reply.status == 400:
        reply.problem(400, "invalid-request")


def test_cursor_of_another_list_is_400(api: Api, cursors: dict[str, str]) -> None:
    for address in cursors:
        for other, cursor in cursors.items():
            assert get(api, address, cursor=cursor).status == (200 if address == other else 400)


@settings(max_examples=25)
@given(position=POSITION | st.lists(st.text(max_size=5), max_size=3))
def test_signed_position_of_another_version_is_400(
    api: Api, delivered: Database, cursors: dict[str, str], position: Any
) -> None:
    ((number, key),) = delivered.query(
        "SELECT (extract(epoch FROM created_at) * 1000000)::bigint, deliver FROM dataforge.cursor_keys"
    )
    cursor = signed(number, bytes(key), SCOPE, position)
    reply = get(api, "tables/order_items/records", cursor=cursor)
    texts = isinstance(position, list) and all(isinstance(item, str) for item in position)
    assert reply.status in ({200, 400} if texts and len(position) == 2 else {400}), reply.body


def test_cursor_of_the_key_before_is_valid_and_of_a_deleted_one_is_not(
    api: Api, delivered: Database, cursors: dict[str, str]
) -> None:
    address, cursor = next(iter(cursors.items()))
    add = "INSERT INTO dataforge.cursor_keys VALUES (now(), sha256('a'), sha256('b'))"
    before = delivered.query("SELECT * FROM dataforge.cursor_keys")
    delivered.query(add)
    try:
        end_sessions(delivered)
        newer = get(api, address).json["next_cursor"]
        assert newer != cursor
        assert [get(api, address, cursor=c).status for c in (cursor, newer)] == [200, 200]
        delivered.query("DELETE FROM dataforge.cursor_keys WHERE created_at = %s", before[0][0])
        end_sessions(delivered)
        assert [get(api, address, cursor=c).status for c in (cursor, newer)] == [400, 200]
    finally:
        delivered.query("DELETE FROM dataforge.cursor_keys")
        delivered.query("INSERT INTO dataforge.cursor_keys VALUES (%s, %s, %s)", *before[0])
        end_sessions(delivered)


def test_new_key_is_used_by_a_process_that_has_read_the_one_before(
    api: Api, delivered: Database, cursors: dict[str, str]
) -> None:
    address = next(iter(cursors))
    delivered.query("INSERT INTO dataforge.cursor_keys VALUES (now(), sha256('a'), sha256('b'))")
    try:
        ((number,),) = delivered.query(
            "SELECT (extract(epoch FROM max(created_at)) * 1000000)::bigint FROM dataforge.cursor_keys"
        )
        key = delivered.query("SELECT sha256('b')")[0][0]
        cursor = signed(number, bytes(key), ["olist", "products", []], ["0" * 32])
        assert len(get(api, address, cursor=cursor).rows) == 1
    finally:
        delivered.query("DELETE FROM dataforge.cursor_keys WHERE deliver = sha256('b')")
        end_sessions(delivered)


def test_list_with_a_next_page_is_503_without_a_key(
    api: Api, delivered: Database, cursors: dict[str, str]
) -> None:
    before = delivered.query("SELECT * FROM dataforge.cursor_keys")
    delivered.query("DELETE FROM dataforge.cursor_keys")
    try:
        end_sessions(delivered)
        get(api, next(iter(cursors))).problem(503, "no-cursor-key")
        assert get(api, "tables/products/records").status == 200
    finally:
        delivered.query("INSERT INTO dataforge.cursor_keys VALUES (%s, %s, %s)", *before[0])


def test_each_role_reads_the_keys_of_its_own_column_only(delivered: Database) -> None:
    have = delivered.query(
        "SELECT r, c FROM unnest(%s) r, unnest(ARRAY['ingest', 'deliver']) c"
        " WHERE has_column_privilege(r, 'dataforge.cursor_keys', c, 'SELECT')",
        list(LOGINS),
    )
    assert set(have) == {(INGEST, "ingest"), (DELIVER, "deliver")}
    changing = delivered.query(
        "SELECT r, p FROM unnest(%s) r, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p"
        " WHERE has_table_privilege(r, 'dataforge.cursor_keys', p)",
        list(LOGINS),
    )
    assert changing == []


def end_sessions(database: Database) -> None:
    """End the function's session, so that its next one reads the keys."""
    database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND datname = current_database()",
        DELIVER,
    )
