"""Ingestion into changed tables: differences from the catalogue are reported, additions of an owner are accepted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.postgres.visible_rows import require_key
from dataforge.tables.datasets import DATASETS

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
ALTER = "ALTER TABLE olist.sellers"
MOVE = f"{ALTER} RENAME TO moved; CREATE VIEW olist.sellers AS SELECT * FROM olist.moved"
BACK = "DROP VIEW olist.sellers; ALTER TABLE olist.moved RENAME TO sellers"
REFER = (
    "ALTER TABLE olist.order_items ADD CONSTRAINT order_items_seller_id_fkey"
    " FOREIGN KEY (seller_id) REFERENCES olist.sellers (seller_id)"
)
REFUSED = {
    "column dropped": (
        f"{ALTER} RENAME seller_city TO city",
        f"{ALTER} RENAME city TO seller_city",
        "seller_city is missing",
    ),
    "column retyped": (
        f"{ALTER} DROP CONSTRAINT sellers_seller_city_check; {ALTER} ALTER seller_city TYPE bytea USING NULL",
        f"{ALTER} ALTER seller_city TYPE text USING '';"
        f"{ALTER} ADD CONSTRAINT sellers_seller_city_check CHECK (char_length(seller_city) >= 1)",
        "seller_city is bytea, not text",
    ),
    "right revoked": (
        "REVOKE INSERT ON olist.sellers FROM dataforge_ingest",
        "GRANT INSERT ON olist.sellers TO dataforge_ingest",
        "missing: insert",
    ),
    "table renamed": (
        f"{ALTER} RENAME TO gone",
        "ALTER TABLE olist.gone RENAME TO sellers",
        "it does not exist",
    ),
    "table in another schema": (
        f"{ALTER} SET SCHEMA public",
        "ALTER TABLE public.sellers SET SCHEMA olist",
        "not exist",
    ),
    "key dropped": (
        f"{ALTER} DROP CONSTRAINT sellers_pkey CASCADE",
        f"{ALTER} ADD CONSTRAINT sellers_pkey PRIMARY KEY (seller_id); {REFER}",
        "its key (seller_id) is missing",
    ),
    "key deferrable": (
        f"{ALTER} DROP CONSTRAINT sellers_pkey CASCADE;"
        f"{ALTER} ADD CONSTRAINT sellers_pkey PRIMARY KEY (seller_id) DEFERRABLE",
        f"{ALTER} DROP CONSTRAINT sellers_pkey; {ALTER} ADD CONSTRAINT sellers_pkey PRIMARY KEY (seller_id); {REFER}",
        "its key (seller_id) is missing or deferrable",
    ),
    "view in its place": (MOVE, BACK, "not a table"),
}
TOLERATED = {
    "statement trigger": (
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t BEFORE INSERT ON olist.sellers EXECUTE FUNCTION public.f()",
        "DROP FUNCTION public.f CASCADE",
    ),
    "trigger that is always enabled": (
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER t BEFORE INSERT ON olist.sellers FOR EACH ROW EXECUTE FUNCTION public.f();"
        f"{ALTER} ENABLE ALWAYS TRIGGER t",
        "DROP FUNCTION public.f CASCADE",
    ),
    "child table": ("CREATE TABLE public.more () INHERITS (olist.sellers)", "DROP TABLE public.more"),
    "default": (f"{ALTER} ALTER seller_city SET DEFAULT 'x'", f"{ALTER} ALTER seller_city DROP DEFAULT"),
    "generated column": (
        f"{ALTER} ADD more text GENERATED ALWAYS AS (upper(seller_city)) STORED",
        f"{ALTER} DROP more",
    ),
    "nullable column": (f"{ALTER} ADD more text", f"{ALTER} DROP more"),
    "other collation": (
        f'{ALTER} ALTER seller_id TYPE text COLLATE "C"',
        f"{ALTER} ALTER seller_id TYPE text",
    ),
    "replica identity": (f"{ALTER} REPLICA IDENTITY FULL", f"{ALTER} REPLICA IDENTITY DEFAULT"),
    "column statistics": (
        f"{ALTER} ALTER seller_city SET STATISTICS 0",
        f"{ALTER} ALTER seller_city SET STATISTICS -1",
    ),
    "owner": (f"{ALTER} OWNER TO master", f"{ALTER} OWNER TO dataforge_owner"),
    "policy without row security": (
        "CREATE POLICY mine ON olist.sellers USING (false)",
        "DROP POLICY mine ON olist.sellers",
    ),
    "functions and operators of the same names": (
        "CREATE FUNCTION public.md5(text) RETURNS text LANGUAGE sql AS 'SELECT 0';"
        "CREATE FUNCTION public.no(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
        "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.no)",
        "DROP FUNCTION public.md5; DROP FUNCTION public.no CASCADE",
    ),
}


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize("change", REFUSED)
def test_ingestion_names_the_reason_why_a_table_is_unusable(api: Api, sample: Sample, change: str) -> None:
    do, undo, words = REFUSED[change]
    api.database.query(do)
    try:
        problem = api.send(json.dumps({"records": [sample("sellers")]})).problem(409, "table-changed")
    finally:
        api.database.query(undo)
    assert problem["detail"].startswith("olist.sellers differs from its declaration: ")
    assert words in problem["detail"]


def test_orphans_are_rejected_if_the_owner_has_dropped_the_foreign_key(api: Api, sample: Sample) -> None:
    api.database.query("ALTER TABLE olist.orders DROP CONSTRAINT orders_customer_id_fkey")
    try:
        assert api.post(sample("customers", 1), sample("orders", 1), sample("orders", 9)).statuses == [
            *("inserted", "inserted", "rejected")
        ]
    finally:
        api.database.query(
            "ALTER TABLE olist.orders ADD CONSTRAINT orders_customer_id_fkey"
            " FOREIGN KEY (customer_id) REFERENCES olist.customers"
        )


def test_every_declared_table_has_its_primary_key(api: Api) -> None:
    with api.database.superuser().cursor() as cursor:
        for dataset in DATASETS.values():
            require_key(cursor, dataset.tables.values())


@pytest.mark.parametrize("change", TOLERATED)
def test_ingestion_succeeds_with_additions_of_an_owner(api: Api, sample: Sample, change: str) -> None:
    do, undo = TOLERATED[change]
    api.database.query(do)
    try:
        replies = [
            api.send(json.dumps({"records": [sample("sellers", seller_city=city)], "on_conflict": rule}))
            for city, rule in (("rio", "reject"), ("rio", "reject"), ("sp", "update"), ("x", "reject"))
        ]
    finally:
        api.database.query(undo)
    assert [reply.statuses for reply in replies] == [["inserted"], ["unchanged"], ["updated"], ["rejected"]]
    assert api.database.query("SELECT seller_city FROM olist.sellers") == [("sp",)]
