"""GET /v1/audit: pages, filters, and the kind of key that may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dataforge.audit.entry import Entry
from dataforge.audit.operations import Operation
from dataforge.audit.record import record
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import BACKUP
from functions.deliver.handler import record as record_request
from tests.postgres.deliver.conftest import CONTEXT

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


def test_entry_shows_the_stated_requester_beside_the_verified_principal(api: Api) -> None:
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
        "since=0.5",
        "since=-1700000000",
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


def test_refused_request_is_recorded_with_its_key_once_a_minute(api: Api) -> None:
    before = len(ids(api, "result=refused&principal=key-1"))
    for _ in range(2):
        api.get("audit", "dataset=bogus", key="writer." + "w" * 40).problem(403, "wrong-key")
    found = api.get("audit", "result=refused&principal=key-1", key=KEY).rows
    assert before <= len(found) == 1
    assert (found[0]["operation"], found[0]["error"]) == ("request", "WrongKey")
    assert found[0]["object"] == {"method": "GET", "route": "/v1/audit"}


def test_key_of_some_datasets_reads_their_entries_only(api: Api, delivered: Database) -> None:
    limited = "operator.limited." + "k" * 40
    limits = '{"datasets": {"quotes": null}}'
    delivered.query("INSERT INTO dataforge.key_limits (key_id, limits) VALUES ('key-quotes', %s)", limits)
    assert api.get("audit", "dataset=quotes", key=limited, key_id="key-quotes").rows
    for query in ("", "dataset=olist"):
        api.get("audit", query, key=limited, key_id="key-quotes").problem(403, "outside-limits")


def test_entry_of_the_operations_function_is_appended(api: Api) -> None:
    event = {
        "result": "started",
        "principal": "key-7",
        "operation": "backup",
        "dataset": "olist",
        "object": {},
    }
    record_request(event, CONTEXT)
    (entry,) = api.get("audit", "principal=key-7", key=KEY).rows
    assert entry["principal"] == {"kind": "api_key", "id": "key-7"}
