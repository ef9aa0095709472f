"""Logs, metrics and failed executions contain no content of records, for any cause of a refusal."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.postgres.privacy.conftest import Lambda

MakeCsv = Callable[..., bytes]
WORD, KEY, MONEY, TIME, PLACE = (
    "markedcontent",
    "feedface" * 4,
    "77553311.99",
    "1987-06-05 04:32:10",
    "12.3456789012",
)
MARKS = (WORD, KEY[:16], MONEY[:8], TIME[:10], PLACE)
ORPHAN = "deadbeef" * 4
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069]")
CUSTOMER = {"customer_id": KEY, "customer_unique_id": KEY, "customer_city": WORD}
ORDER = {"order_id": KEY, "customer_id": KEY, "order_purchase_timestamp": TIME}
RAISE = (
    "CREATE FUNCTION public.own() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {} RETURN NEW; END$$;"
    "CREATE TRIGGER own BEFORE INSERT OR UPDATE ON olist.customers FOR EACH ROW EXECUTE FUNCTION public.own()"
)
RULES = {
    "check": f"ALTER TABLE olist.customers ADD CONSTRAINT own CHECK (customer_city <> '{WORD}')",
    "unique": "CREATE UNIQUE INDEX own ON olist.customers (customer_city)",
    "exclusion": "ALTER TABLE olist.customers ADD CONSTRAINT own EXCLUDE USING btree (customer_city WITH =)",
    "message": RAISE.format("RAISE EXCEPTION 'no %%', NEW.customer_city;"),
    "coded": RAISE.format("RAISE EXCEPTION 'no %%', NEW.customer_city USING ERRCODE = 'check_violation';"),
    "cast": RAISE.format("PERFORM NEW.customer_city::integer;"),
}
"""Objects that an owner can add to a table; each refuses a marked row with a message or detail that quotes it."""


def require_nothing_leaked(functions: Lambda, text: str) -> None:
    for mark in MARKS:
        assert mark not in text
        assert not [h for h in functions.histories if mark in h]


def put(functions: Lambda, **files: bytes) -> None:
    for name, body in files.items():
        functions.s3.put_object(Bucket="raw", Key=f"olist/{name}.csv", Body=body)


def store(functions: Lambda, city: str = WORD) -> None:
    functions.database.query("INSERT INTO olist.customers VALUES (%s, %s, '01037', %s, 'SP')", KEY, KEY, city)


def test_migration_of_marked_and_invalid_rows_leaks_no_content(
    functions: Lambda, logged: Callable[[], str], make_csv: MakeCsv
) -> None:
    bad: list[dict[str, Any]] = [{"customer_id": KEY, "customer_city": f"{WORD} conflict"}]
    bad += [{"customer_id": n, "customer_city": f"{WORD}{n}", "customer_state": WORD} for n in range(3)]
    bad += [{"customer_id": f"{KEY}x"}, {"customer_id": 9, "customer_zip_code_prefix": WORD * 1000}]
    orders = [ORDER, ORDER | {"order_id": ORPHAN, "customer_id": f"{KEY[:-1]}0"}]
    items = [{"order_id": KEY, "price": MONEY}, {"order_id": KEY, "price": f"{MONEY}1"}]
    files = {
        "olist_customers_dataset": make_csv("customers", CUSTOMER, *bad) + f"{WORD},{WORD}\n".encode(),
        "olist_orders_dataset": make_csv("orders", *orders),
        "olist_order_payments_dataset": make_csv(
            "order_payments", *({"order_id": i["order_id"], "payment_value": i["price"]} for i in items)
        ),
        "olist_geolocation_dataset": make_csv(
            "geolocations", {"geolocation_lat": PLACE, "geolocation_city": WORD}
        ),
    }
    put(functions, **files)
    tables = ["customers", "orders", "order_payments", "geolocations"]
    assert functions.migrate(tables=tables)["error"] == "QualityTooLow"
    published = functions.migrate(tables=tables, quality_threshold=0)
    assert published["status"] == "published"
    replay = {"migration_id": published["migration_id"]}
    assert functions.migrate(replay=replay)["status"] == "published"
    require_nothing_leaked(functions, logged())


@pytest.mark.slow
def test_control_characters_of_names_and_rows_reach_no_log_or_page_raw(
    functions: Lambda, logged: Callable[[], str], make_csv: MakeCsv
) -> None:
    escape = "\x1b[31m\x9b0m\u202e"
    bad = {"customer_id": f"1{escape}", "customer_city": escape, "customer_state": escape}
    put(functions, olist_customers_dataset=make_csv("customers", CUSTOMER, bad))
    functions.s3.put_object(Bucket="raw", Key=f"olist/notes{escape}.txt", Body=escape.encode())
    published = functions.migrate(tables=["customers"], quality_threshold=0)
    assert published["status"] == "published"
    page = published["report"].partition("report/")[2].replace(".json", ".html")
    html = functions.s3.get_object(Bucket="report", Key=page)["Body"].read().decode()
    assert "\u241b[31m" in html
    assert functions.migrate(tables=[escape])["error"]
    functions.request("ingest.handler", "GET", f"/v1/{escape}", escape, table=escape)
    for text in (html, logged(), *functions.histories):
        assert not CONTROL.search(text)


@pytest.mark.parametrize(
    "body",
    [
        f"{KEY},{KEY},01037,{WORD},SP\n".encode() * 2,
        f'customer_id,"{WORD}"x,customer_city\n'.encode(),
        f"{KEY};{WORD};SP\n".encode() * 2,
        WORD.encode("utf-16"),
        b"customer_id,\xff" + WORD.encode(),
        b"PAR1" + WORD.encode() * 9 + b"PAR1",
    ],
    ids=["no header", "quote", "semicolons", "utf-16", "latin-1", "parquet"],
)
def test_refusal_of_an_unreadable_file_leaks_no_content(
    functions: Lambda, logged: Callable[[], str], body: bytes
) -> None:
    put(functions, olist_customers_dataset=body)
    assert functions.migrate(tables=["customers"])["error"]
    functions.s3.delete_object(Bucket="raw", Key="olist/olist_customers_dataset.csv")
    for ending, content in (("csv.gz", body), ("parquet", body), ("csv.gz", gzip.compress(body)[:-9])):
        functions.s3.put_object(Bucket="raw", Key=f"olist/olist_customers_dataset.{ending}", Body=content)
        assert functions.migrate(tables=["customers"])["error"]
        functions.s3.delete_object(Bucket="raw", Key=f"olist/olist_customers_dataset.{ending}")
    require_nothing_leaked(functions, logged())


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_refusal_by_an_owners_rule_leaks_no_content(
    functions: Lambda, logged: Callable[[], str], make_csv: MakeCsv, rule: str
) -> None:
    store(functions)
    functions.back_up(tables=["customers"])
    functions.database.query("DELETE FROM olist.customers")
    if rule in {"unique", "exclusion"}:
        functions.database.query(
            "INSERT INTO olist.customers VALUES (%s, %s, '01037', %s, 'SP')", *["0" * 32] * 2, WORD
        )
    functions.database.query(RULES[rule])
    put(functions, olist_customers_dataset=make_csv("customers", CUSTOMER))
    assert functions.migrate(tables=["customers"])["error"]
    assert functions.restore(table="customers")["error"] if rule not in {"unique", "exclusion"} else True
    body = {"records": [{"table": "customers", "data": CUSTOMER | {"customer_zip_code_prefix": "01037"}}]}
    functions.request("ingest.handler", "POST", "/v1/records", json.dumps(body))
    functions.apply("doctor")
    functions.database.query(
        "DROP TRIGGER IF EXISTS own ON olist.customers; DROP FUNCTION IF EXISTS public.own()"
    )
    require_nothing_leaked(functions, logged())


def test_refusal_of_a_restore_that_would_orphan_rows_leaks_no_key(
    functions: Lambda, logged: Callable[[], str]
) -> None:
    functions.back_up(tables=["customers"])
    store(functions)
    functions.database.query(
        "INSERT INTO olist.orders (order_id, customer_id, order_status, order_purchase_timestamp,"
        " order_estimated_delivery_date) VALUES (%s, %s, 'created', %s, %s)",
        *(KEY, KEY, TIME, TIME),
    )
    assert functions.restore(table="customers")["error"] == "WouldOrphan"
    functions.back_up(tables=["orders"])
    functions.database.query("DELETE FROM olist.orders; DELETE FROM olist.customers")
    assert functions.restore(table="orders")["error"] == "WouldOrphan"
    require_nothing_leaked(functions, logged())


def test_refusal_of_a_schema_that_rows_violate_leaks_no_content(
    functions: Lambda, logged: Callable[[], str]
) -> None:
    functions.database.query(
        "ALTER TABLE olist.customers DROP CONSTRAINT customers_pkey CASCADE;"
        "DO $$ DECLARE name text; BEGIN FOR name IN SELECT conname FROM pg_constraint"
        " WHERE conrelid = 'olist.orders'::regclass AND contype = 'c' LOOP"
        " EXECUTE 'ALTER TABLE olist.orders DROP CONSTRAINT ' || name; END LOOP; END $$;"
        "ALTER TABLE olist.orders ALTER order_approved_at TYPE text"
    )
    store(functions)
    store(functions)
    functions.database.query(
        "INSERT INTO olist.orders (order_id, customer_id, order_status, order_purchase_timestamp, order_approved_at,"
        " order_estimated_delivery_date) VALUES (%s, %s, 'created', %s, %s, %s)",
        *(KEY, KEY, TIME, WORD, TIME),
    )
    with pytest.raises(functions.failed):
        functions.apply("apply")
    assert functions.apply("doctor")["findings"]
    require_nothing_leaked(functions, logged())


def test_requests_leak_neither_filters_nor_records(functions: Lambda, logged: Callable[[], str]) -> None:
    store(functions)
    base = "/v1/tables/customers/records"
    for query in (
        {"customer_city": f"eq.{WORD}"},
        {"customer_id": f"bad.{WORD}"},
        {WORD: "eq.1"},
        {"cursor": WORD},
    ):
        functions.request("deliver.handler", "GET", base, **query)
    functions.database.query("ALTER TABLE olist.customers RENAME customer_city TO gone")
    assert functions.request("deliver.handler", "GET", base, customer_city=f"eq.{WORD}") == 409
    for data in (CUSTOMER, CUSTOMER | {WORD: WORD}, {"customer_id": WORD}, [WORD]):
        body = json.dumps({"records": [{"table": "customers", "data": data}]})
        functions.request("ingest.handler", "POST", "/v1/records", body)
    functions.request("ingest.handler", "POST", "/v1/records", f'{{"records": {WORD}')
    functions.request("ingest.handler", "GET", "/v1/rejections", code=WORD)
    functions.database.query("ALTER TABLE olist.customers RENAME gone TO customer_city")
    require_nothing_leaked(functions, logged())


def test_export_and_glue_leak_no_content(functions: Lambda, logged: Callable[[], str]) -> None:
    store(functions)
    made = functions.back_up(tables=["customers"])
    execution = "arn:aws:states:us-east-1:1:execution:export:run-1"
    for form in ("ndjson", "parquet"):
        document = {"dataset": "olist", "table": "customers", "format": form}
        functions.call("export.work", execution=execution, started="2026-11-22T10:00:00.123Z", input=document)
    functions.call("glue.register", dataset="olist", backup_id=made["backup_id"])
    require_nothing_leaked(functions, logged())
