"""Pages of records: each row once, with its types, and only the selected columns and rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.http.sizes import PAYLOAD_BYTES

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.deliver.conftest import Api

ORDERS = 250
FILL = f"""
    SET session_replication_role = replica;
    INSERT INTO olist.orders SELECT md5(i::text), md5((i %% 7)::text),
        (ARRAY['delivered', 'shipped', 'canceled'])[1 + i %% 3], timestamp '2018-01-01' + i * interval '1 hour',
        CASE WHEN i %% 2 = 0 THEN timestamp '2018-01-01 00:00:00.5' + i * interval '1 hour' END, NULL, NULL, '2018-12-31'
        FROM generate_series(1, {ORDERS}) i;
    INSERT INTO olist.order_payments SELECT md5((i / 3)::text), 1 + i %% 3, 'boleto', i %% 5, i / 10.0
        FROM generate_series(3, 200) i;
    INSERT INTO olist.geolocations SELECT lpad((i %% 50)::text, 5, '0'), i / 7.0, -i / 3.0, 'são paulo', 'SP'
        FROM generate_series(1, 200) i;
    INSERT INTO olist.category_translations VALUES
        ('a,b', '"quoted" \\back'),
        ('50%%_off', E'line\\nbreak\\ttab'), ('(paren)', 'é😀\u2028'), ('NULL', 'null'), ('x', '*');
"""


@pytest.fixture(scope="module", autouse=True)
def filled(delivered: Database) -> None:
    delivered.query(FILL)


def keys(rows: list[dict[str, Any]]) -> list[str]:
    return [row["order_id"] for row in rows]


def count(delivered: Database, where: str, table: str = "orders") -> int:
    return int(delivered.query(f"SELECT count(*) FROM olist.{table} WHERE {where}")[0][0])


def test_page_has_100_rows_in_key_order(api: Api, delivered: Database) -> None:
    expected = [
        key for (key,) in delivered.query('SELECT order_id FROM olist.orders ORDER BY order_id COLLATE "C"')
    ]
    assert keys(api.records("orders").rows) == expected[:100]


@pytest.mark.parametrize("limit", [1, 7, 125, 250, 1000])
def test_pages_end_and_contain_every_row_once(api: Api, limit: int) -> None:
    pages = list(api.walk("orders", f"limit={limit}"))
    found = [key for page in pages for key in keys(page)]
    assert len(found) == len(set(found)) == ORDERS
    assert found == sorted(found)
    assert len(pages) == -(-ORDERS // limit)


@pytest.mark.parametrize("table", ["geolocations", "order_payments"])
@pytest.mark.parametrize("select", ["", "&select={last}"])
def test_tables_with_any_key_are_paginated(api: Api, delivered: Database, table: str, select: str) -> None:
    last = {"geolocations": "geolocation_state", "order_payments": "payment_value"}[table]
    pages = list(api.walk(table, "limit=23" + select.format(last=last)))
    assert sum(map(len, pages)) == count(delivered, "true", table)
    if not select:
        assert len({json.dumps(row) for page in pages for row in page}) == count(delivered, "true", table)


def test_values_have_their_types(api: Api) -> None:
    text = api.records("order_payments", "limit=1&payment_value=eq.1").body
    assert b'"payment_value":1.00' in text
    order = api.records("orders", "limit=1&order_purchase_timestamp=eq.2018-01-01T02:00:00").rows[0]
    assert order["order_purchase_timestamp"] == "2018-01-01T02:00:00"
    assert order["order_approved_at"] == "2018-01-01T02:00:00.5"
    assert order["order_delivered_customer_date"] is None
    assert list(order)[:3] == ["order_id", "customer_id", "order_status"]


def test_any_text_is_delivered_unchanged(api: Api, delivered: Database) -> None:
    names = ("product_category_name", "product_category_name_english")
    expected = [
        tuple(row)
        for row in delivered.query(f"SELECT {', '.join(names)} FROM olist.category_translations ORDER BY 1")
    ]
    assert [tuple(row[n] for n in names) for row in api.records("category_translations").rows] == expected


def test_json_lines_contain_the_same_rows_as_the_document(api: Api) -> None:
    for table in ("category_translations", "orders", "geolocations", "order_payments"):
        document, lines = api.records(table), api.records(table, accept="application/x-ndjson")
        assert lines.headers["Content-Type"] == "application/x-ndjson"
        assert lines.body.endswith(b"\n")
        rows = lines.body.removesuffix(b"\n").split(b"\n")
        assert document.body.startswith(b'{"data":[' + b",".join(rows) + b"]")
        assert lines.headers.get("Link") == document.headers.get("Link")


def test_select_returns_these_columns_in_this_order(api: Api) -> None:
    row = api.records("orders", "select=order_status,customer_id&limit=1").rows[0]
    assert list(row) == ["order_status", "customer_id"]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("order_status=eq.shipped", "order_status = 'shipped'"),
        ("order_status=neq.shipped", "order_status <> 'shipped'"),
        ("order_status=in.(shipped,canceled)", "order_status IN ('shipped', 'canceled')"),
        ("order_status=in.()", "false"),
        ("order_status=eq.", "false"),
        ("order_status=like.*e*d", "order_status LIKE '%%e%%d'"),
        ("order_status=like.shipped", "order_status = 'shipped'"),
        ("order_approved_at=is.null", "order_approved_at IS NULL"),
        ("order_approved_at=is.not_null", "order_approved_at IS NOT NULL"),
        ("order_purchase_timestamp=gte.2018-01-05", "order_purchase_timestamp >= '2018-01-05'"),
        (
            "order_purchase_timestamp=gt.2018-01-02T00:00:00&order_purchase_timestamp=lt.2018-01-03%2006:30",
            "order_purchase_timestamp > '2018-01-02' AND order_purchase_timestamp < '2018-01-03 06:30'",
        ),
        ("order_id=lt.8&order_status=eq.shipped", "order_id < '8' AND order_status = 'shipped'"),
        ("order_id=eq.';DROP TABLE olist.orders;--", "false"),
    ],
)
def test_filters_return_the_same_rows_as_sql(api: Api, delivered: Database, query: str, where: str) -> None:
    assert sum(map(len, api.walk("orders", query))) == count(delivered, where)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("payment_value=eq.1.5", "payment_value = 1.5"),
        ("payment_value=lte.0.9", "payment_value <= 0.9"),
        ("payment_value=gt.1e1", "payment_value > 10"),
        ("payment_value=gt.-99999999999999999999.123", "true"),
        ("payment_installments=in.(1,4)", "payment_installments IN (1, 4)"),
        ("payment_installments=lt.9223372036854775807", "true"),
        ("payment_installments=gt.-9223372036854775808", "true"),
    ],
)
def test_numbers_are_compared_as_numbers(api: Api, delivered: Database, query: str, where: str) -> None:
    assert sum(map(len, api.walk("order_payments", query))) == count(delivered, where, "order_payments")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('in.("a,b",x)', ["a,b", "x"]),
        ('in.("(paren)","NULL")', ["(paren)", "NULL"]),
        ("in.(NULL)", ["NULL"]),
        ("like.50%25_*", ["50%_off"]),
        ("like.*%25*", ["50%_off"]),
        ("like._", []),
        ("like.*,*", ["a,b"]),
        ("eq.a,b", ["a,b"]),
    ],
)
def test_filter_with_quotes_or_wildcards_finds_the_expected_rows(
    api: Api, query: str, found: list[str]
) -> None:
    rows = api.records("category_translations", f"product_category_name={query}").rows
    assert sorted(row["product_category_name"] for row in rows) == sorted(found)


def test_quoted_items_can_contain_quotes(api: Api) -> None:
    query = 'product_category_name_english=in.("\\"quoted\\" \\\\back")'
    assert len(api.records("category_translations", query).rows) == 1


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ("colour=eq.red", "colour", "colour"),
        ("order_status=is", "order_status", "order_status"),
        ("order_status=eq", "order_status", "op.value"),
        ("order_status=ilike.x", "order_status", "ilike"),
        ("order_status=not.eq.x", "order_status", "not.eq"),
        ("order_approved_at=is.maybe", "order_approved_at", "maybe"),
        ("order_approved_at=eq.yesterday", "order_approved_at", "yesterday"),
        ("order_approved_at=eq.2018-01-01T00:00:00Z", "order_approved_at", "timezone"),
        ("order_approved_at=like.2018*", "order_approved_at", "like"),
        ("order_status=in.shipped", "order_status", "(a,b)"),
        ('order_status=in.("a"b)', "order_status", "comma"),
        ('order_status=in.("a)', "order_status", "comma"),
        ("order_status=eq.a%00b", "order_status", "order_status"),
        ("limit=0", "limit", ""),
        ("limit=1001", "limit", ""),
        ("limit=ten", "limit", ""),
        ("select=colour", "select", "colour"),
        ("select=order_id,order_id", "select", "repeated"),
        ("select=", "select", ""),
        ("min_quality=2", "min_quality", ""),
    ],
)
def test_error_names_the_invalid_parameter(api: Api, query: str, parameter: str, words: str) -> None:
    (error,) = api.records("orders", query).problem(400, "invalid-request")["errors"]
    assert error["parameter"] == parameter
    assert words in error["message"]


@pytest.mark.parametrize("value", ["eq.1,5", "eq.NaN", "gt.1e99999", "eq.", "eq. 1", "eq.1_0", "in.(1,x)"])
def test_filter_with_an_invalid_number_is_refused(api: Api, value: str) -> None:
    for column in ("payment_value", "payment_installments"):
        assert api.records("order_payments", f"{column}={value}").status == 400


def test_repeated_parameter_is_refused(api: Api) -> None:
    api.records("orders", "limit=1&limit=2").problem(400, "invalid-request")


def test_cursor_of_another_query_is_refused(api: Api) -> None:
    cursor = api.records("orders", "limit=1").json["next_cursor"]
    assert api.records("orders", f"limit=5&select=order_id&cursor={cursor}").status == 200
    for table, query in (
        ("orders", f"order_status=eq.shipped&cursor={cursor}"),
        ("order_payments", f"cursor={cursor}"),
        ("orders", "cursor=x"),
        ("orders", f"cursor={cursor[:-2]}"),
    ):
        api.records(table, query).problem(400, "invalid-request")


@pytest.mark.parametrize(
    ("path", "query"),
    [("tables/nothing/records", ""), ("tables/orders/records", "dataset=x"), ("tables/x", "")],
)
def test_unknown_table_or_dataset_is_404(api: Api, path: str, query: str) -> None:
    api.get(path, query).problem(404, "unknown-dataset" if query else "unknown-table")


def test_header_lists_filtered_columns_without_an_index(api: Api, delivered: Database) -> None:
    def unindexed(query: str) -> str | None:
        return api.records("orders", query).headers.get("X-Filter-Unindexed")

    assert unindexed("") is None
    assert unindexed("order_id=gt.5&customer_id=eq.x") is None
    assert (
        unindexed("order_status=eq.shipped&order_id=neq.x&customer_id=like.*x")
        == "order_status, order_id, customer_id"
    )
    delivered.query("CREATE INDEX of_the_owner ON olist.orders (order_status)")
    assert unindexed("order_status=eq.shipped") is None
    delivered.query("DROP INDEX olist.of_the_owner")


def test_unchanged_page_is_304(api: Api, delivered: Database) -> None:
    first = api.records("sellers")
    tag = first.headers["ETag"]
    for sent in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = api.records("sellers", if_none_match=sent)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == tag
        assert "Data-Quality" in again.headers
    assert api.records("sellers", accept="application/x-ndjson", if_none_match=tag).status == 200
    delivered.query(
        "SET session_replication_role = replica; INSERT INTO olist.sellers VALUES (md5('1'), '01310', 'x', 'SP')"
    )
    assert api.records("sellers", if_none_match=tag).status == 200


def test_page_is_compressed_if_the_client_accepts_gzip(api: Api) -> None:
    plain = api.records("orders", accept="*/*")
    small = api.records("orders", accept="*/*", accept_encoding="br;q=1, gzip;q=0.5")
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.body == plain.body
    assert "Content-Encoding" not in plain.headers
    for headers in ({"accept": "*/*", "accept_encoding": "gzip;q=0, br"}, {"accept_encoding": "gzip"}):
        assert "Content-Encoding" not in api.records("orders", **headers).headers


def test_page_of_large_rows_ends_early_and_the_next_page_continues(api: Api, delivered: Database) -> None:
    delivered.query(
        "INSERT INTO quotes.authors VALUES ('a');"
        "INSERT INTO quotes.quotes SELECT 'a', t, md5('a' || chr(31) || t) FROM"
        " (SELECT i || repeat('\"é\\', 25000) AS t FROM generate_series(1, 100) i) q"
    )
    replies = list(api.walk("quotes", "dataset=quotes&limit=1000"))
    assert len(replies) > 3
    assert all(len(page) > 10 for page in replies[:-1])
    assert sum(map(len, replies)) == len({row["quote_id"] for page in replies for row in page}) == 100


@pytest.mark.parametrize("letter", ['"', "\\", "é", "😀"])
@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_page_of_any_rows_fits_into_a_lambda_response(
    api: Api, delivered: Database, letter: str, accept: str
) -> None:
    delivered.query(
        "DELETE FROM quotes.quotes; DELETE FROM quotes.authors; INSERT INTO quotes.authors VALUES ('a')"
    )
    delivered.query(
        "INSERT INTO quotes.quotes SELECT 'a', t, md5('a' || chr(31) || t) FROM"
        " (SELECT i || repeat(%s, 70000) AS t FROM generate_series(1, 40) i) q",
        letter,
    )
    rows, query = 0, "dataset=quotes&limit=1000"
    while True:
        reply = api.records("quotes", query, accept=accept)
        payload = {"headers": reply.headers, "body": reply.body.decode()}
        assert len(json.dumps(payload)) < PAYLOAD_BYTES
        rows += reply.body.count(b'"quote_id"')
        if "Link" not in reply.headers:
            break
        query = reply.headers["Link"][2:].partition(">")[0]
    assert rows == 40


def test_link_too_long_for_a_header_is_omitted_or_refused(api: Api, delivered: Database) -> None:
    delivered.query("INSERT INTO olist.category_translations VALUES ('link 1', 'x'), ('link 2', 'x')")
    short = "limit=1&product_category_name=like.link*"
    long = f"{short}&" + "&".join(["product_category_name_english=neq." + "é" * 60] * 20)
    assert "Link" in api.records("category_translations", short).headers
    reply = api.records("category_translations", long)
    assert "Link" not in reply.headers
    assert reply.json["next_cursor"]
    lines = api.records("category_translations", long, accept="application/x-ndjson")
    assert "next_cursor" in lines.problem(400, "invalid-request")["detail"]


@pytest.mark.parametrize(("letter", "fits"), [("x", True), ("é", False), ('"', False)])
def test_error_for_a_row_too_large_for_a_response_names_its_key(
    api: Api, delivered: Database, letter: str, fits: bool
) -> None:
    delivered.query(
        "SET session_replication_role = replica; DELETE FROM olist.order_reviews;"
        "INSERT INTO olist.order_reviews SELECT md5(n), md5(n), 5, NULL, repeat(%s, 5000000), now(), now()"
        " FROM unnest(ARRAY['1', '2']) n",
        letter,
    )
    reply = api.records("order_reviews")
    if fits:
        assert len(reply.rows) == 1
        assert len(json.dumps(reply.body.decode())) < PAYLOAD_BYTES
        assert reply.json["next_cursor"]
    else:
        reply.problem(413, "row-too-large")
    assert len(api.records("order_reviews", "select=order_id,review_score").rows) == 2


def test_page_that_exceeds_the_time_limit_has_an_error_with_a_hint(
    api: Api, delivered: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_STATEMENT_SECONDS", "1")
    lock = delivered.superuser()
    lock.autocommit = False
    with lock.cursor() as cursor:
        cursor.execute("LOCK TABLE olist.orders")
        reply = api.records("orders")
    lock.rollback()
    assert "export" in reply.problem(503, "too-slow")["detail"]
    assert reply.headers["Retry-After"]
