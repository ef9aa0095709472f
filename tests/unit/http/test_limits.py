"""Limits of API keys: what they allow, their end, and how long a process uses them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import KeyEnded, OutsideLimits, WrongKey
from dataforge.http import Kind, Request, Response, Router, json_response
from dataforge.http.limits import CachedLimits, limits_of
from dataforge.key_limits import SECONDS, UNLIMITED, KeyLimits, parse_limits
from tests.gateway_events import WRITER, request_context

TABLES = KeyLimits(datasets={"shop": ("orders", "items"), "quotes": None})
TODAY = datetime.now(UTC).date()
NAMES = st.sampled_from(["shop", "quotes", "orders", "items", "other"])


def test_key_without_limits_may_use_everything() -> None:
    assert UNLIMITED.allows("any", "table")
    assert UNLIMITED.allows_all("any")


@pytest.mark.parametrize(
    ("dataset", "tables", "allowed", "allowed_whole"),
    [
        ("shop", (), True, False),
        ("shop", ("orders",), True, True),
        ("shop", ("orders", "items"), True, True),
        ("shop", ("orders", "prices"), False, False),
        ("quotes", (), True, True),
        ("quotes", ("anything",), True, True),
        ("other", (), False, False),
        ("other", ("orders",), False, False),
    ],
)
def test_listed_tables_and_datasets_are_allowed(
    dataset: str, tables: tuple[str, ...], allowed: bool, allowed_whole: bool
) -> None:
    assert TABLES.allows(dataset, *tables) is allowed
    assert TABLES.allows_all(dataset, tables) is allowed_whole


def test_key_limited_to_no_dataset_may_use_none() -> None:
    assert not KeyLimits(datasets={}).allows("olist")
    with pytest.raises(OutsideLimits, match="may use nothing"):
        KeyLimits(datasets={}).require("olist")


@given(st.dictionaries(NAMES, st.none() | st.lists(NAMES).map(tuple)), NAMES, st.lists(NAMES, max_size=3))
def test_all_tables_are_allowed_only_if_each_is(datasets: Any, dataset: str, tables: list[str]) -> None:
    limits = KeyLimits(datasets=datasets)
    each = all(limits.allows(dataset, table) for table in tables)
    assert limits.allows(dataset, *tables) == (each and limits.allows(dataset))
    if tables:
        assert limits.allows_all(dataset, tables) == limits.allows(dataset, *tables)
    assert limits.allows_all(dataset) <= limits.allows(dataset, *tables)


def test_refusal_names_the_refused_table_and_the_permitted_ones() -> None:
    with pytest.raises(OutsideLimits) as caught:
        TABLES.require("shop", "orders", "prices")
    assert str(caught.value).startswith("The API key may not use 'shop.prices'. It may use 'shop.orders',")


@pytest.mark.parametrize("document", [None, 1, [], {}, {"dataset": 3}, {"tables": 3}, {"tables": [3, None]}])
def test_body_without_names_is_left_to_its_validation(document: Any) -> None:
    KeyLimits(datasets={"olist": None}).require_named(document)


@pytest.mark.parametrize(
    ("document", "allowed"),
    [
        ({"dataset": "shop", "table": "orders"}, True),
        ({"dataset": "shop", "tables": ["orders", "items"]}, True),
        ({"dataset": "shop", "tables": ["orders", "prices"]}, False),
        ({"dataset": "shop"}, False),
        ({"dataset": "shop", "table": None}, False),
        ({"dataset": "shop", "undo": "20260101T000000Z-1"}, False),
        ({"dataset": "quotes"}, True),
        ({}, False),
    ],
)
def test_run_without_tables_needs_the_whole_dataset(document: Any, allowed: bool) -> None:
    if allowed:
        TABLES.require_input(document)
    else:
        with pytest.raises(OutsideLimits):
            TABLES.require_input(document)


def test_key_is_valid_on_its_last_day_and_not_after_it() -> None:
    assert limits_of(WRITER, "id", lambda _: KeyLimits(expires=TODAY)).expires == TODAY
    with pytest.raises(KeyEnded, match=str(TODAY - timedelta(days=1))):
        limits_of(WRITER, "id", lambda _: KeyLimits(expires=TODAY - timedelta(days=1)))


def test_key_that_was_created_with_limits_is_refused_while_they_are_not_stored() -> None:
    marked = "writer.limited." + "k" * 40
    assert limits_of(WRITER, "id", lambda _: None) is UNLIMITED
    assert limits_of(marked, "id", lambda _: TABLES) is TABLES
    with pytest.raises(WrongKey, match="not stored"):
        limits_of(marked, "id", lambda _: None)


def test_key_without_an_id_of_the_gateway_is_refused() -> None:
    with pytest.raises(WrongKey):
        limits_of(WRITER, "", lambda _: None)


def test_limits_survive_their_stored_form() -> None:
    limits = KeyLimits(datasets={"shop": ("orders",), "quotes": None}, expires=date(2027, 1, 31))
    assert parse_limits(limits.model_dump_json()) == limits


@pytest.mark.parametrize("document", ["", "null", "[]", '{"rows": 5}', '{"expires": "soon"}'])
def test_limits_of_an_unknown_form_refuse_the_key(document: str) -> None:
    with pytest.raises(WrongKey):
        parse_limits(document)


def test_limits_are_read_again_after_their_time_and_never_used_longer() -> None:
    now, stored = [100.0], [TABLES]
    read = CachedLimits(lambda _: stored[0], lambda: now[0])
    assert read("a") is TABLES
    stored[0] = UNLIMITED
    now[0] += SECONDS - 0.1
    assert (read("a"), read("b")) == (TABLES, UNLIMITED)
    now[0] += 0.2
    assert read("a") is UNLIMITED
    stored[0] = TABLES
    now[0] -= 50
    assert read("a") is TABLES


def test_router_refuses_an_ended_key_before_the_function_of_its_route() -> None:
    ended = KeyLimits(expires=TODAY - timedelta(days=1))
    router = Router(Logger("limits"), {"old": ended, "shop": TABLES}.get, lambda *_: None)

    @router.route("GET", "/v1/thing", least=Kind.READER)
    def get_thing(request: Request) -> Response:
        return json_response(request.limits.texts())

    @router.route("GET", "/v1/open", least=None)
    def get_open(request: Request) -> Response:
        return json_response(request.limits.texts())

    def get(path: str, key_id: str) -> tuple[int, str]:
        event = {"httpMethod": "GET", "path": path, "requestContext": request_context(WRITER, "r", key_id)}
        answer = router.answer(event)
        return answer["statusCode"], answer["body"]

    status, body = get("/v1/thing", "old")
    assert (status, "urn:dataforge:problem:key-ended" in body) == (403, True)
    assert get("/v1/thing", "shop") == (200, '["shop.orders", "shop.items", "quotes"]')
    assert get("/v1/thing", "unknown") == (200, "[]")
    assert get("/v1/open", "old") == (200, "[]")
