"""A record that an owner's rule refuses is rejected with the rule's name; the rest of the batch is stored."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.postgres.ingest.owners import DROP, RULES, raising

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api, Reply

Sample = Callable[..., dict[str, Any]]
BAD = "nowhere"


@pytest.fixture(autouse=True)
def without_rules(api: Api) -> Iterator[None]:
    yield
    api.database.query(DROP)


def send(api: Api, *records: dict[str, Any], **envelope: Any) -> Reply:
    return api.send(json.dumps({"records": list(records), **envelope}))


def sellers(sample: Sample, *cities: str) -> list[dict[str, Any]]:
    return [sample("sellers", n, seller_city=city) for n, city in enumerate(cities, 1)]


def stored(api: Api) -> list[str]:
    return [
        city
        for (city,) in api.database.query(
            "SELECT seller_city FROM olist.sellers WHERE seller_id <> md5('x') ORDER BY seller_id"
        )
    ]


@pytest.mark.parametrize("conflict", ["reject", "update", "ignore"])
@pytest.mark.parametrize("rule", RULES)
def test_record_that_a_rule_refuses_is_rejected_and_the_others_are_stored(
    api: Api, sample: Sample, rule: str, conflict: str
) -> None:
    statement, words = RULES[rule]
    api.database.query(statement)
    reply = send(api, *sellers(sample, "rio", BAD, "sp"), on_conflict=conflict)
    assert (reply.status, reply.statuses) == (207, ["inserted", "rejected", "inserted"])
    [error] = reply.json["results"][1]["errors"]
    assert error["code"] == "constraint"
    assert error["message"].startswith(words)
    assert "\n" not in error["message"]
    assert stored(api) == ["rio", "sp"]
    ((count, errors),) = api.database.query(
        "SELECT (SELECT rejected FROM dataforge.quality_facts), errors FROM dataforge.rejections"
    )
    assert (count, errors) == (1, [error])


@pytest.mark.parametrize("rule", RULES)
def test_atomic_batch_with_a_refused_record_stores_nothing(api: Api, sample: Sample, rule: str) -> None:
    api.database.query(RULES[rule][0])
    reply = send(api, *sellers(sample, "rio", BAD), mode="atomic")
    assert (reply.status, reply.codes) == (422, [["not_atomic"], ["constraint"]])
    assert stored(api) == []


@pytest.mark.parametrize("rule", RULES)
def test_dry_run_finds_the_refused_record_and_stores_nothing(api: Api, sample: Sample, rule: str) -> None:
    api.database.query(RULES[rule][0])
    reply = send(api, *sellers(sample, "rio", BAD), mode="dry_run")
    assert (reply.statuses, reply.codes) == (["valid", "rejected"], [[], ["constraint"]])
    assert stored(api) == []


@pytest.mark.parametrize("rule", [name for name in RULES if "insert" not in name])
def test_update_that_a_rule_refuses_is_rejected(api: Api, sample: Sample, rule: str) -> None:
    send(api, *sellers(sample, "rio", "rio"))
    api.database.query(RULES[rule][0])
    reply = send(api, *sellers(sample, "sp", BAD), on_conflict="update")
    assert (reply.statuses, reply.codes) == (["updated", "rejected"], [[], ["constraint"]])
    assert stored(api) == ["sp", "rio"]


@pytest.mark.parametrize(
    "state", ["08006", "53300", "53100", "57P01", "57014", "40001", "40P01", "55P03", "42501", "23503"]
)
def test_record_is_rejected_for_any_sqlstate_of_a_trigger(api: Api, sample: Sample, state: str) -> None:
    api.database.query(raising(f"RAISE EXCEPTION 'not %%', NEW.seller_city USING ERRCODE = '{state}'"))
    reply = send(api, *sellers(sample, BAD, "rio"))
    assert reply.statuses == ["rejected", "inserted"]
    assert reply.json["results"][0]["errors"][0]["message"] == f"not {BAD}"


def test_refused_retry_gets_the_first_answer_again(api: Api, sample: Sample) -> None:
    api.database.query(RULES["check"][0])
    body = json.dumps({"records": sellers(sample, "rio", BAD)})
    first = api.send(body, idempotency_key="key")
    assert api.send(body, idempotency_key="key").text == first.text
    assert first.statuses == ["inserted", "rejected"]
    assert stored(api) == ["rio"]


def test_thousand_refused_records_are_all_rejected(api: Api, sample: Sample) -> None:
    api.database.query(RULES["check"][0])
    reply = send(api, *sellers(sample, *[BAD] * 1000))
    assert (reply.status, reply.counts) == (422, {"received": 1000, "rejected": 1000})
    assert api.database.query("SELECT count(*) FROM dataforge.rejections") == [(1000,)]


def test_one_refused_record_among_a_thousand_does_not_affect_the_others(api: Api, sample: Sample) -> None:
    api.database.query(RULES["raising trigger"][0])
    cities = ["rio"] * 1000
    cities[617] = BAD
    reply = send(api, *sellers(sample, *cities))
    assert reply.counts == {"received": 1000, "inserted": 999, "rejected": 1}
    assert reply.statuses[617] == "rejected"


def test_refused_conflicting_record_does_not_take_the_key_and_a_stored_one_does(
    api: Api, sample: Sample
) -> None:
    api.database.query(RULES["check"][0])
    rivals = [sample("sellers", 1, seller_city=city) for city in (BAD, "rio", "sp")]
    copy = sample("sellers", 2, seller_city=BAD)
    reply = send(api, *rivals, copy, copy)
    assert reply.statuses == ["rejected", "inserted", "rejected", "rejected", "rejected"]
    assert reply.codes == [["constraint"], [], ["duplicate_in_batch"], ["constraint"], ["constraint"]]
    assert stored(api) == ["rio"]


@pytest.mark.parametrize(
    ("conflict", "outcomes"),
    [
        ("reject", ["constraint", "conflict", "unchanged", "duplicate_in_batch"]),
        ("ignore", ["constraint", "ignored", "unchanged", "duplicate_in_batch"]),
        ("update", ["constraint", "updated", "duplicate_in_batch", "duplicate_in_batch"]),
    ],
)
def test_records_after_a_refused_conflicting_one_have_the_same_results_as_without_it(
    api: Api, sample: Sample, conflict: str, outcomes: list[str]
) -> None:
    send(api, sample("sellers", 1, seller_city="sp"))
    api.database.query(RULES["check"][0])
    rivals = [sample("sellers", 1, seller_city=city) for city in (BAD, "rio", "sp", "salvador")]
    for records, expected in ((rivals, outcomes), (rivals[1:], outcomes[1:])):
        api.database.query("UPDATE olist.sellers SET seller_city = 'sp'")
        reply = send(api, *records, on_conflict=conflict)
        found = [
            codes[0] if codes else status for codes, status in zip(reply.codes, reply.statuses, strict=True)
        ]
        assert found == expected


def test_statements_grow_linearly_with_refused_conflicting_records(
    api: Api, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []

    class Counted(psycopg2.extensions.cursor):
        def execute(self, query: Any, values: Any = None) -> None:
            sent.append(len(self.mogrify(query, values)))
            super().execute(query, values)

    api.database.query(RULES["check"][0])
    api.database.query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'dataforge_ingest'"
    )
    connect = functools.partial(psycopg2.connect, cursor_factory=Counted)
    monkeypatch.setattr(psycopg2, "connect", connect)
    rivals = [sample("sellers", 1, seller_city=BAD, seller_zip_code_prefix=f"{n:05d}") for n in range(100)]
    assert send(api, *rivals).counts == {"received": 100, "rejected": 100}
    assert 0 < sum(sent) < 100 * 2500 + 20 * len(json.dumps(rivals))


def test_children_of_a_refused_parent_are_orphans(api: Api, sample: Sample) -> None:
    api.database.query("ALTER TABLE olist.customers ADD CONSTRAINT mine CHECK (customer_city <> 'nowhere')")
    records = [
        sample("orders", 1),
        sample("customers", 1, customer_city=BAD),
        sample("customers", 2),
        sample("orders", 2),
    ]
    reply = send(api, *records)
    assert reply.codes == [["foreign_key"], ["constraint"], [], []]


def test_deferred_constraint_is_checked_against_the_whole_batch(api: Api, sample: Sample) -> None:
    api.database.query(
        "CREATE FUNCTION public.mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NOT EXISTS (SELECT FROM olist.orders o WHERE o.customer_id = NEW.customer_id) THEN"
        " RAISE 'a customer needs an order'; END IF; RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER mine AFTER INSERT ON olist.customers DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.mine()"
    )
    assert send(api, sample("orders", 1), sample("customers", 1)).statuses == ["inserted", "inserted"]
    reply = send(api, sample("customers", 2), sample("sellers", 1))
    assert reply.statuses == ["rejected", "inserted"]
    assert reply.json["results"][0]["errors"][0]["message"] == "a customer needs an order"


def test_trigger_that_changes_values_does_not_reject_the_record(api: Api, sample: Sample) -> None:
    api.database.query(raising("NEW.seller_city := upper(NEW.seller_city)", always=True))
    assert send(api, *sellers(sample, "rio"), on_conflict="update").statuses == ["inserted"]
    assert send(api, *sellers(sample, "rio"), on_conflict="update").statuses == ["unchanged"]
    assert send(api, *sellers(sample, "sp"), on_conflict="update").statuses == ["updated"]
    assert stored(api) == ["SP"]


@pytest.mark.parametrize("where", ["", f"WHERE NEW.seller_city = '{BAD}'"], ids=["always", "sometimes"])
@pytest.mark.parametrize(
    ("event", "conflict"), [("INSERT", "reject"), ("INSERT", "update"), ("UPDATE", "update")]
)
def test_rule_on_a_table_rejects_its_records_and_no_others(
    api: Api, sample: Sample, event: str, conflict: str, where: str
) -> None:
    api.database.query(f"CREATE RULE mine AS ON {event} TO olist.sellers {where} DO INSTEAD NOTHING")
    reply = send(api, *sellers(sample, "rio"), sample("customers", 1), on_conflict=conflict)
    assert reply.codes == [["constraint"], []]
    assert reply.json["results"][0]["errors"][0]["message"].startswith("mine: ")


def test_message_of_a_trigger_is_in_the_response_and_in_no_log(
    api: Api, sample: Sample, capsys: pytest.CaptureFixture[str]
) -> None:
    api.database.query(raising("RAISE EXCEPTION E'secret of %%\\nmore', NEW.seller_city"))
    reply = send(api, *sellers(sample, BAD))
    assert reply.json["results"][0]["errors"][0]["message"] == f"secret of {BAD}"
    logged = capsys.readouterr()
    assert "secret" not in logged.out + logged.err
    assert BAD not in logged.out + logged.err


def test_parent_that_only_a_child_table_has_is_a_missing_parent(api: Api, sample: Sample) -> None:
    api.database.query(
        "CREATE TABLE public.more () INHERITS (olist.customers);"
        f"INSERT INTO public.more VALUES ('{1:032x}', md5('u'), '01037', 'rio', 'RJ')"
    )
    try:
        reply = send(api, sample("orders", 1), sample("sellers", 1))
    finally:
        api.database.query("DROP TABLE public.more")
    assert reply.codes == [["foreign_key"], []]


def test_trigger_can_use_a_table_with_row_security_if_its_function_sets_it(api: Api, sample: Sample) -> None:
    api.database.query(
        "CREATE TABLE public.cities (city text); ALTER TABLE public.cities ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY mine ON public.cities USING (true); GRANT ALL ON public.cities TO PUBLIC;"
        + raising("INSERT INTO cities VALUES (NEW.seller_city)", always=True)
    )
    problem = send(api, *sellers(sample, "rio")).problem(409, "row-security")
    assert "public.cities" in problem["detail"]
    api.database.query("ALTER FUNCTION public.mine() SET row_security = on")
    assert send(api, *sellers(sample, "rio")).statuses == ["inserted"]
    assert api.database.query("SELECT city FROM public.cities") == [("rio",)]
