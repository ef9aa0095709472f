"""Objects and rows that the owner adds to a table, before or during a run, survive a migration."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dataforge.postgres import shadow
from dataforge.tables.datasets import DATASETS

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
OLIST = DATASETS["olist"]

ADDITIONS = {
    "view": (
        "CREATE VIEW olist.cities AS SELECT customer_city FROM olist.customers",
        "SELECT count(*) FROM olist.cities",
    ),
    "view elsewhere": (
        "CREATE VIEW public.ids AS SELECT customer_id FROM olist.customers",
        "SELECT count(*) FROM public.ids",
    ),
    "materialized view": (
        "CREATE MATERIALIZED VIEW olist.m AS SELECT * FROM olist.customers",
        "SELECT 1 FROM pg_matviews",
    ),
    "index": (
        "CREATE INDEX by_city ON olist.customers (customer_city)",
        "SELECT 1 FROM pg_indexes WHERE tablename = 'customers' AND indexname = 'by_city'",
    ),
    "grant": (
        "GRANT SELECT ON olist.customers TO pg_monitor",
        "SELECT 1 FROM aclexplode((SELECT relacl FROM pg_class WHERE oid = 'olist.customers'::regclass))"
        " WHERE grantee = 'pg_monitor'::regrole",
    ),
    "grant to all": (
        "GRANT SELECT ON olist.customers TO PUBLIC",
        "SELECT 1 FROM aclexplode((SELECT relacl FROM pg_class WHERE oid = 'olist.customers'::regclass))"
        " WHERE grantee = 0",
    ),
    "grant on a column": (
        "GRANT SELECT (customer_city) ON olist.customers TO pg_monitor",
        "SELECT 1 FROM pg_attribute WHERE attrelid = 'olist.customers'::regclass AND attacl IS NOT NULL",
    ),
    "check": (
        "ALTER TABLE olist.customers ADD CONSTRAINT mine_check CHECK (customer_city <> 'nowhere')",
        "SELECT 1 FROM pg_constraint WHERE conrelid = 'olist.customers'::regclass AND conname = 'mine_check'",
    ),
    "unique": (
        "ALTER TABLE olist.customers ADD CONSTRAINT mine_unique UNIQUE (customer_unique_id)",
        "SELECT 1 FROM pg_constraint WHERE conrelid = 'olist.customers'::regclass AND conname = 'mine_unique'",
    ),
    "foreign key from a table beside it": (
        "CREATE TABLE olist.visits (customer_id text REFERENCES olist.customers)",
        "SELECT 1 FROM pg_constraint WHERE confrelid = 'olist.customers'::regclass"
        " AND conrelid = 'olist.visits'::regclass",
    ),
    "foreign key from another schema": (
        "CREATE TABLE public.visits (customer_id text REFERENCES olist.customers)",
        "SELECT 1 FROM pg_constraint WHERE confrelid = 'olist.customers'::regclass"
        " AND conrelid = 'public.visits'::regclass",
    ),
    "foreign key to another table": (
        "CREATE TABLE public.cities (name text PRIMARY KEY); INSERT INTO public.cities VALUES ('são paulo');"
        "ALTER TABLE olist.customers ADD CONSTRAINT mine_fkey FOREIGN KEY (customer_city) REFERENCES public.cities",
        "SELECT 1 FROM pg_constraint WHERE conrelid = 'olist.customers'::regclass AND conname = 'mine_fkey'",
    ),
    "trigger": (
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER mine BEFORE INSERT ON olist.customers FOR EACH ROW EXECUTE FUNCTION public.f()",
        "SELECT 1 FROM pg_trigger WHERE tgrelid = 'olist.customers'::regclass AND tgname = 'mine'",
    ),
    "rule": (
        "CREATE RULE mine AS ON DELETE TO olist.customers DO INSTEAD NOTHING",
        "SELECT 1 FROM pg_rules WHERE tablename = 'customers'",
    ),
    "policy": (
        "CREATE POLICY mine ON olist.customers",
        "SELECT 1 FROM pg_policies WHERE tablename = 'customers'",
    ),
    "row security": (
        "ALTER TABLE olist.customers ENABLE ROW LEVEL SECURITY",
        "SELECT 1 FROM pg_class WHERE oid = 'olist.customers'::regclass AND relrowsecurity",
    ),
    "publication": (
        "CREATE PUBLICATION mine FOR TABLE olist.customers",
        "SELECT 1 FROM pg_publication_tables WHERE tablename = 'customers'",
    ),
    "statistics": (
        "CREATE STATISTICS mine ON customer_city, customer_state FROM olist.customers",
        "SELECT 1 FROM pg_statistic_ext WHERE stxrelid = 'olist.customers'::regclass",
    ),
    "child table": ("CREATE TABLE public.more () INHERITS (olist.customers)", "SELECT 1 FROM pg_inherits"),
    "function on its rows": (
        "CREATE FUNCTION public.city(olist.customers) RETURNS text LANGUAGE sql AS 'SELECT $1.customer_city'",
        "SELECT 1 FROM pg_proc WHERE proname = 'city' AND proargtypes[0] = 'olist.customers'::regtype",
    ),
    "function with a parsed body": (
        "CREATE FUNCTION public.n() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM olist.customers; END",
        "SELECT public.n()",
    ),
    "column of its type": (
        "CREATE TABLE public.composite (c olist.customers)",
        "SELECT (c).customer_city FROM public.composite RIGHT JOIN (SELECT 1) x ON true",
    ),
    "default": (
        "ALTER TABLE olist.customers ALTER customer_state SET DEFAULT 'SP'",
        "SELECT 1 FROM pg_attrdef WHERE adrelid = 'olist.customers'::regclass",
    ),
    "storage parameter": (
        "ALTER TABLE olist.customers SET (fillfactor = 70)",
        "SELECT 1 FROM pg_class WHERE oid = 'olist.customers'::regclass AND reloptions IS NOT NULL",
    ),
    "replica identity": (
        "ALTER TABLE olist.customers REPLICA IDENTITY FULL",
        "SELECT 1 FROM pg_class WHERE oid = 'olist.customers'::regclass AND relreplident = 'f'",
    ),
}

REFUSED = {"row security", "child table"}
"""A migration into such a table is refused: see test_row_security.py."""


@pytest.mark.parametrize("what", ADDITIONS)
def test_empty_table_with_owner_additions_is_not_replaced(cursor: Cursor, what: str) -> None:
    add, look = ADDITIONS[what]
    assert shadow.replaceable(cursor, OLIST, [OLIST.table("customers")])
    cursor.execute("SAVEPOINT before")
    cursor.execute(add)
    cursor.execute(look)
    assert cursor.fetchall()
    assert not shadow.replaceable(cursor, OLIST, [OLIST.table("customers")])
    cursor.execute("ROLLBACK TO before")


def test_owner_additions_to_empty_table_survive_migration(forge: Forge, make_csv: MakeCsv) -> None:
    tolerated = {what: found for what, found in ADDITIONS.items() if what not in REFUSED}
    forge.database.query("; ".join(add for add, _ in tolerated.values()))
    forge.put(customers=make_csv("customers", {"customer_id": 1, "customer_unique_id": 1}))
    assert forge.migrate(tables=["customers"])["customers"]["loaded"] == 1
    assert len(forge.rows("customers")) == 1
    assert [what for what, (_, look) in tolerated.items() if not forge.database.query(look)] == []
