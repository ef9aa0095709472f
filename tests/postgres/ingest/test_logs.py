"""Logs contain ids, counts and codes, but no content of records and no key."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
SECRET = "a secret value"


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The logger's entries and the printed text since the last call."""
    stream = io.StringIO()
    outputs = [h for h in logging.getLogger("ingest").handlers if isinstance(h, logging.StreamHandler)]
    before = [output.setStream(stream) for output in outputs]
    yield lambda: [json.loads(line) for line in (stream.getvalue() + capsys.readouterr().out).splitlines()]
    for output, old in zip(outputs, before, strict=True):
        if old:
            output.setStream(old)


def test_batch_is_logged_as_one_line_with_ids_counts_and_codes(
    api: Api, sample: Sample, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    reply = api.post(sample("customers"), sample("sellers", seller_state="?", x=1), sample("orders", 9))
    batch, *by_code = logged()
    assert batch["batch_id"] == reply.json["batch_id"]
    assert batch["request_id"] == "request-1"
    assert batch["counts"] == reply.json["counts"]
    assert batch["codes"] == {"string_pattern_mismatch": 1, "unknown_column": 1, "foreign_key": 1}
    assert (batch["RecordsAccepted"], batch["RecordsRejected"]) == ([1.0], [2.0])
    assert batch["BatchLatency"][0] > 0
    assert batch["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "DataForge"
    assert {line["code"]: line["RecordsRejected"] for line in by_code} == {
        code: [1.0] for code in batch["codes"]
    }
    assert all(
        line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "code"]] for line in by_code
    )


def test_replayed_answer_is_not_counted_again(
    api: Api, sample: Sample, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    first = api.post(sample("customers"), idempotency_key="one")
    api.post(sample("customers"), idempotency_key="one")
    lines = logged()
    assert sum("RecordsAccepted" in line for line in lines) == 1
    (repeated,) = (line for line in lines if line.get("message") == "answer repeated")
    assert (repeated["batch_id"], repeated["request_id"]) == (first.json["batch_id"], "request-1")


def test_no_content_and_no_key_is_logged(
    api: Api, sample: Sample, logged: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.post(sample("customers", customer_city=SECRET), idempotency_key="secret-idempotency-key")
    api.post(sample("customers", customer_state=SECRET, **{SECRET: 1}), {"table": SECRET, "data": {}})
    api.send(f'{{"records": {SECRET}')
    api.database.query("REVOKE INSERT ON dataforge.quality_facts FROM dataforge_ingest")
    try:
        failed = api.post(sample("customers", 7, customer_city="santos"))
    finally:
        api.database.query("GRANT INSERT ON dataforge.quality_facts TO dataforge_ingest")
    failed.problem(500, "unexpected")
    monkeypatch.setenv("DB_PORT", "1")
    api.post(sample("customers", 8, customer_city=SECRET)).problem(503, "unavailable")
    lines = logged()
    failures = [line for line in lines if line.get("message") == "request failed"]
    assert [(f["error"], f.get("sqlstate")) for f in failures] == [
        ("InsufficientPrivilege", "42501"),
        ("Unavailable", None),
    ]
    assert all(line["request_id"] == "request-1" for line in lines if "message" in line)
    text = json.dumps(lines)
    for private in (SECRET, "santos", f"{7:032x}", "writer." + "k" * 40, "secret-idempotency-key"):
        assert private not in text
