"""Batches for tables without a key."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dataforge.api.batch import read_batch
from dataforge.postgres.roles import INGEST
from functions.ingest.batch import ingest
from tests.postgres.bags import declare_bags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.ingest.conftest import Api, Json


@pytest.fixture
def bags(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API with the dataset ``bags``."""
    declare_bags(api.database, monkeypatch)
    api.database.query("INSERT INTO bags.birds VALUES ('owl')")
    yield api
    api.database.query("DROP SCHEMA bags CASCADE")


def record(table: str, **data: object) -> Json:
    """A record of a batch."""
    return {"table": table, "data": data}


SEEN = record("sightings", bird="owl", number=1)


@pytest.mark.parametrize("rule", ["ignore", "update", "reject"])
def test_every_record_of_a_multiset_is_inserted(bags: Api, rule: str) -> None:
    orphan = record("sightings", bird="cat")
    for _ in range(2):
        reply = bags.post(SEEN, orphan, SEEN, record("sightings"), dataset="bags", on_conflict=rule)
        assert reply.statuses == ["inserted", "rejected", "inserted", "inserted"]
        assert reply.codes[1] == ["foreign_key"]
    assert bags.count("bags.sightings") == 6


def test_idempotency_key_protects_a_multiset_from_a_repeated_request(bags: Api) -> None:
    replies = [bags.post(SEEN, SEEN, dataset="bags", idempotency_key="once") for _ in range(2)]
    assert replies[0].text == replies[1].text
    assert bags.count("bags.sightings") == 2


def test_record_of_a_multiset_that_a_trigger_skips_is_rejected_alone(bags: Api) -> None:
    bags.database.query(
        "CREATE FUNCTION bags.skip() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF NEW.number = 7 THEN RETURN NULL; END IF; RETURN NEW; END';"
        "CREATE TRIGGER skip BEFORE INSERT ON bags.sightings FOR EACH ROW EXECUTE FUNCTION bags.skip()"
    )
    skipped = record("sightings", bird="owl", number=7)
    reply = bags.post(SEEN, skipped, SEEN, dataset="bags")
    assert (reply.statuses, reply.codes[1]) == (["inserted", "rejected", "inserted"], ["constraint"])
    assert bags.count("bags.sightings") == 2


@pytest.mark.parametrize("rule", ["ignore", "update", "reject"])
def test_identical_records_of_a_distinct_table_are_one_row(bags: Api, rule: str) -> None:
    one, wide = record("remarks", note="a"), record("remarks", bird="owl", note="w" * 9000)
    reply = bags.post(one, one, wide, record("remarks", weight=0), dataset="bags", on_conflict=rule)
    assert reply.statuses == ["inserted", "unchanged", "inserted", "inserted"]
    again = bags.post(wide, one, record("remarks", weight=-0.0), record("remarks"), dataset="bags")
    assert again.statuses == ["unchanged", "unchanged", "unchanged", "inserted"]
    assert bags.count("bags.remarks") == 4


def test_distinct_table_without_its_unique_index_is_refused(bags: Api) -> None:
    bags.database.query("DROP INDEX bags.remarks_row_key")
    problem = bags.post(record("remarks", note="a"), dataset="bags").problem(409, "table-changed")
    assert "remarks_row_key" in problem["detail"]


def rings(api: Api) -> list[int]:
    """The identities that are stored."""
    return sorted(ring for (ring,) in api.database.query("SELECT ring FROM bags.ringings"))


def test_omitted_identities_are_generated_beyond_those_that_were_sent(bags: Api) -> None:
    omitted, sent = record("ringings", bird="owl"), record("ringings", ring=1000, bird="owl")
    assert bags.post(omitted, sent, omitted, dataset="bags").statuses == ["inserted"] * 3
    assert rings(bags) == [1, 2, 1000]
    far = record("ringings", ring=2_000_000, bird="owl")
    assert (
        bags.post(omitted, far, record("ringings", ring=-5, bird="owl"), dataset="bags").statuses
        == ["inserted"] * 3
    )
    assert bags.post(omitted, dataset="bags").statuses == ["inserted"]
    assert rings(bags) == [-5, 1, 2, 1000, 1001, 2_000_000, 2_000_001]


def test_rejected_record_has_its_identity_for_the_replay(bags: Api) -> None:
    assert bags.post(record("ringings", bird="cat"), dataset="bags").codes == [["foreign_key"]]
    assert bags.database.query("SELECT raw FROM dataforge.rejections") == [({"ring": 1, "bird": "cat"},)]


def test_used_up_identities_are_reported(bags: Api) -> None:
    last = record("ringings", ring=2**31 - 1, bird="owl")
    assert bags.post(last, dataset="bags").statuses == ["inserted"]
    problem = bags.post(record("ringings", bird="owl"), dataset="bags").problem(400, "invalid-request")
    assert "ring of ringings has no further values" in problem["detail"]


def test_concurrent_batches_never_get_the_same_identity(bags: Api) -> None:
    def send(number: int) -> list[str]:
        db = bags.database.connect(INGEST)
        sent = [record("ringings", ring=50_000 * (number + 1), bird="owl")] if number % 2 else []
        batch = read_batch({"dataset": "bags", "records": [*[record("ringings", bird="owl")] * 20, *sent]})
        answers = [json.loads(ingest(db, batch).body) for _ in range(1 if sent else 5)]
        return [result["status"] for answer in answers for result in answer["results"]]

    with ThreadPoolExecutor(4) as pool:
        statuses = [status for found in pool.map(send, range(6)) for status in found]
    assert set(statuses) == {"inserted"}
    assert len(set(rings(bags))) == len(statuses) == 6 // 2 * (100 + 21)
