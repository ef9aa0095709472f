"""A database is reused only if a test changed nothing except rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres import recycling

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database, Server

FUNCTION = "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
CHANGES = (
    "ALTER TABLE olist.orders ADD mine text",
    "ALTER TABLE olist.orders ALTER order_status DROP NOT NULL",
    "ALTER TABLE olist.orders SET (fillfactor = 50)",
    "ALTER TABLE olist.orders FORCE ROW LEVEL SECURITY",
    "ALTER TABLE olist.orders DISABLE TRIGGER ALL",
    "ALTER TABLE olist.orders OWNER TO CURRENT_USER",
    "ALTER TABLE olist.order_items DROP CONSTRAINT order_items_price_check",
    "ALTER SEQUENCE dataforge.rejections_id_seq INCREMENT 5",
    "CREATE INDEX mine ON olist.orders (order_status)",
    "CREATE RULE mine AS ON DELETE TO olist.orders DO INSTEAD NOTHING",
    "CREATE POLICY mine ON olist.orders",
    "CREATE TABLE public.mine ()",
    "CREATE TABLE public.mine () INHERITS (olist.orders)",
    "CREATE VIEW olist.mine AS SELECT 1 AS one",
    "CREATE SCHEMA mine",
    "CREATE TYPE olist.mine AS ENUM ('a')",
    "CREATE DOMAIN olist.mine AS text",
    "CREATE CAST (text AS boolean) WITH INOUT",
    "CREATE PUBLICATION mine",
    "CREATE STATISTICS olist.mine ON order_id, order_status FROM olist.orders",
    FUNCTION,
    f"{FUNCTION}; CREATE TRIGGER mine BEFORE INSERT ON olist.orders FOR EACH ROW EXECUTE FUNCTION public.f()",
    "CREATE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "COMMENT ON TABLE olist.orders IS 'mine'",
    "COMMENT ON TABLE olist.orders IS NULL",
    "COMMENT ON SCHEMA olist IS 'mine'",
    "GRANT SELECT ON olist.orders TO PUBLIC",
    "GRANT SELECT (order_id) ON olist.orders TO PUBLIC",
    "REVOKE SELECT ON pg_catalog.pg_class FROM PUBLIC",
    "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep FROM PUBLIC",
    "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "ALTER ROLE dataforge_load IN DATABASE {db} SET work_mem = '1MB'",
    "ALTER DATABASE {db} CONNECTION LIMIT 7",
)


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_the_structure_is_detected(
    cursor: Cursor, module_database: Database, server: Server, change: str
) -> None:
    cursor.execute("SAVEPOINT before")
    assert recycling.structure(cursor) == server.structure
    cursor.execute(change.format(db=module_database.name))
    assert recycling.structure(cursor) != server.structure
    cursor.execute("ROLLBACK TO before")


@pytest.mark.parametrize(("change", "again"), [(CHANGES[0], False), ("SELECT", True)])
def test_only_an_unchanged_database_is_reused_and_has_neither_rows_nor_runs(
    server: Server, template: str, change: str, *, again: bool
) -> None:
    used = server.lend()
    used.query("INSERT INTO olist.customers VALUES (md5('1'), md5('1'), '01037', 'rio', 'RJ')")
    used.query(
        "SELECT nextval('dataforge.rejections_id_seq'); CREATE SCHEMA shadow_run; CREATE TABLE shadow_run.t ()"
    )
    used.query(change)
    left_open = used.superuser()
    server.take_back(used)
    assert left_open.closed
    assert (used in server.spare) is again
    if again:
        assert used.query("SELECT FROM olist.customers") == []
        assert used.query("SELECT FROM pg_namespace WHERE nspname LIKE 'shadow%%'") == []
        assert used.query("SELECT nextval('dataforge.rejections_id_seq')") == [(1,)]
        assert server.lend() is used
        server.take_back(used)
