"""GET /v1/audit: pages, filters, and the kind of key that may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dataforge.audit.operations import Operation
from dataforge.audit.record import Entry, record
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import BACKUP

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.deliver.conftest import Api

EXECUTION = "arn:aws:states:eu-west-1:1:execution:shop-backup:20261125T195930Z-1f0c2a9b"


KEY = "operator." + "k" * 40


def ids(api: Api, query: str = "") -> list[str]:
    return [entry["principal"]["id"] for entry in api.get("audit", query, key=KEY).rows]


@pytest.fixture(scope="module", autouse=True)
def entries(delivered: Database) -> None:
    """Five starts, one of them of another dataset with a stated requester."""
    with transaction(delivered.connect(BACKUP)) as cursor:
        for number in range(4):
            record(cursor, Entry("started", f"arn:{number}", Operation.BACKUP, "olist"))
        stated = Entry("started", EXECUTION, Operation.VERIFICATION, "quotes", {"tables": ["tags"]}, "ann")
        record(cursor, stated)


def test_entry_shows_what_is_stated_and_what_is_verified(api: Api) -> None:
    (entry, *_) = api.get("audit", key=KEY).rows
    assert entry["principal"] == {"kind": "execution", "id": EXECUTION}
    assert entry["requested_by"] == {"stated": "ann"}
    assert (entry["operation"], entry["result"], entry["dataset"]) == ("verification", "started", "quotes")
    assert entry["identity_query"].startswith("aws cloudtrail lookup-events --lookup-attributes ")
    assert "--start-time 2026-11-25T18:59:30Z --end-time 2026-11-25T20:59:30Z" in entry["identity_query"]


def test_pages_have_every_entry_once_the_newest_first(api: Api) -> None:
    found: list[Any] = []
    query = "limit=2"
    while True:
        page = api.get("audit", query, key=KEY)
        found += [entry["principal"]["id"] for entry in page.rows]
        if page.json["next_cursor"] is None:
            break
        query = f"limit=2&cursor={page.json['next_cursor']}"
    assert found == [EXECUTION, "arn:3", "arn:2", "arn:1", "arn:0"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("operation=backup", 4),
        ("operation=restore", 0),
        ("dataset=quotes", 1),
        ("result=started&dataset=olist", 4),
        ("principal=arn:2", 1),
        ("since=2000-01-01T00:00:00Z", 5),
        ("since=2999-01-01T00:00:00%2B02:00", 0),
    ],
)
def test_filters_are_combined(api: Api, query: str, count: int) -> None:
    assert len(ids(api, query)) == count


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "result=approved",
        "limit=0",
        "operation=a%00",
        "bogus=1",
        "cursor=AAAA",
        "operation=a&operation=b",
    ],
)
def test_invalid_query_is_refused(api: Api, query: str) -> None:
    api.get("audit", query, key=KEY).problem(400, "invalid-request")


def test_cursor_of_other_filters_is_refused(api: Api) -> None:
    cursor = api.get("audit", "limit=1", key=KEY).json["next_cursor"]
    api.get("audit", f"limit=1&cursor={cursor}&dataset=olist", key=KEY).problem(400, "invalid-request")


@pytest.mark.parametrize("kind", ["reader", "writer"])
def test_other_kinds_of_keys_are_refused(api: Api, kind: str) -> None:
    api.get("audit", key=f"{kind}.{'k' * 40}").problem(403, "wrong-key")
