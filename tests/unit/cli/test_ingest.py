"""Sending records: batches, retries under the same key, and the file of rejected records."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from dataforge_cli.aws.api import Api, ApiRefused, ApiUnreachable
from dataforge_cli.records.ingest import MOST_BYTES, Ingestion, Order, in_batches
from dataforge_cli.records.json_lines import Sent, read_jsonl

Reply = tuple[int, dict[str, str], bytes]
BUSY: Reply = (
    503,
    {"Retry-After": "0", "Content-Type": "application/problem+json"},
    b'{"detail": "The database is unavailable."}',
)


def report(batch: dict[str, Any]) -> Reply:
    """An answer that rejects the records marked in their data."""
    results = [
        {"index": i, "table": r["table"], "status": "rejected" if r["data"].get("bad") else "inserted"}
        | (
            {"errors": [{"pointer": f"/records/{i}/data/bad", "code": "missing", "message": "m"}]}
            if r["data"].get("bad")
            else {}
        )
        for i, r in enumerate(batch["records"])
    ]
    return (
        207,
        {"Content-Type": "application/json"},
        json.dumps({"batch_id": "b", "results": results}).encode(),
    )


def problem(status: int, kind: str, **more: Any) -> Reply:
    document = {"type": f"urn:dataforge:problem:{kind}", "detail": "no", **more}
    return status, {"Content-Type": "application/problem+json"}, json.dumps(document).encode()


class Server:
    """An HTTP server that responds with ``answer``; None closes the connection without a response."""

    def __init__(self) -> None:
        self.answer: Callable[[dict[str, Any]], Reply | None] = report
        self.seen: list[tuple[str, dict[str, Any]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.seen.append((self.headers["idempotency-key"], body))
                reply = outer.answer(body)
                if reply is None:
                    self.close_connection = True
                    return
                status, headers, data = reply
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.seen]

    @property
    def sizes(self) -> list[int]:
        return [len(body["records"]) for _, body in self.seen]


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.http.shutdown()
    found.http.server_close()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def api(server: Server, lines: list[str]) -> Api:
    return Api(
        f"http://127.0.0.1:{server.http.server_port}",
        "writer." + "x" * 40,
        lines.append,
        sleep=lambda _: None,
    )


def records(*data: dict[str, Any]) -> Iterator[Any]:
    return read_jsonl(io.BytesIO(b"".join(json.dumps(one).encode() + b"\n" for one in data)), "t")


def send(
    api: Api, *data: dict[str, Any], batch: int = 1000, **order: str
) -> tuple[Ingestion, list[dict[str, Any]]]:
    kept: list[bytes] = []
    ingestion = Ingestion(api, Order("olist", **order), kept.append)
    for _ in ingestion.send(records(*data), batch):
        pass
    return ingestion, [json.loads(line) for line in kept]


def replies(*given: Reply | None) -> Callable[[dict[str, Any]], Reply | None]:
    """Respond with these replies first, then with reports."""
    left = list(given)
    return lambda body: left.pop(0) if left else report(body)


def test_records_are_sent_in_order_in_batches_with_different_keys(api: Api, server: Server) -> None:
    ingestion, kept = send(api, *({"n": n} for n in range(5)), batch=2, mode="atomic", on_conflict="update")
    assert server.sizes == [2, 2, 1]
    assert len(set(server.keys)) == 3
    assert [r["data"]["n"] for _, body in server.seen for r in body["records"]] == [0, 1, 2, 3, 4]
    assert {(b["dataset"], b["mode"], b["on_conflict"]) for _, b in server.seen} == {
        ("olist", "atomic", "update")
    }
    assert (ingestion.tally.counts, ingestion.tally.batches, kept) == ({"inserted": 5}, 3, [])


@pytest.mark.parametrize(
    "trouble",
    [
        BUSY,
        problem(429, "too-many-requests"),
        problem(409, "still-running"),
        problem(504, "timeout"),
        (502, {}, b"<html>"),
        None,
    ],
    ids=["503", "429", "409", "504", "502", "connection dropped"],
)
def test_batch_without_a_response_is_sent_again_under_the_same_key(
    api: Api, server: Server, lines: list[str], trouble: Reply | None
) -> None:
    server.answer = replies(trouble, trouble)
    ingestion, _ = send(api, {"n": 1})
    assert len(server.keys) == 3
    assert len(set(server.keys)) == 1
    assert ingestion.tally.counts == {"inserted": 1}
    assert len(lines) == 2


def test_wait_equals_retry_after(api: Api, server: Server, lines: list[str]) -> None:
    server.answer = replies((429, {"Retry-After": "7"}, b"{}"))
    send(api, {"n": 1})
    assert lines[0].endswith("Trying again in 7 s.")


def test_used_up_quota_is_reported_without_a_retry(api: Api, server: Server) -> None:
    server.answer = replies((429, {"Retry-After": "7200"}, b'{"detail": "The day is used up."}'))
    with pytest.raises(ApiUnreachable, match=r"used up\. Hint: Try again in 2\.0 hours"):
        send(api, {"n": 1})
    assert len(server.seen) == 1


def test_sending_fails_after_eight_attempts(api: Api, server: Server) -> None:
    server.answer = lambda _: BUSY
    with pytest.raises(ApiUnreachable, match=r"The database is unavailable\. The request failed 8 times"):
        send(api, {"n": 1})


def test_refused_batch_is_not_sent_again_and_its_reason_is_reported(api: Api, server: Server) -> None:
    server.answer = replies(problem(403, "wrong-key"))
    with pytest.raises(ApiRefused, match="The API answered 403: no") as error:
        send(api, {"n": 1}, {"n": 2})
    assert len(server.seen) == 1
    assert error.value.document()["error"] == "WrongKey"


def test_rejected_records_are_written_in_the_form_to_send_again(api: Api, server: Server) -> None:
    _, kept = send(api, {"n": 1}, {"n": 2, "bad": True})
    error = {"pointer": "/data/bad", "code": "missing", "message": "m"}
    assert kept == [{"table": "t", "data": {"n": 2, "bad": True}, "errors": [error]}]
    corrected = [json.dumps({**line, "data": {"n": 2}}) for line in kept]
    again = Ingestion(api, Order("olist"), lambda _: None)
    for tally in again.send(read_jsonl(io.BytesIO("\n".join(corrected).encode()), None), 10):
        assert tally.counts == {"inserted": 1}


@pytest.mark.parametrize("kind", [(400, "not-json"), (413, "body-too-large")])
def test_unreadable_record_does_not_prevent_the_load_of_others(
    api: Api, server: Server, kind: tuple[int, str]
) -> None:
    server.answer = lambda body: (
        problem(*kind) if any(r["data"].get("poison") for r in body["records"]) else report(body)
    )
    ingestion, kept = send(api, *({"n": n, "poison": n == 5} for n in range(9)))
    assert ingestion.tally.counts == {"inserted": 8, "rejected": 1}
    assert kept[0]["data"]["n"] == 5
    assert kept[0]["errors"] == [{"pointer": "", "code": kind[1].replace("-", "_"), "message": "no"}]


def test_error_of_every_batch_is_reported_once(api: Api, server: Server) -> None:
    errors = [{"pointer": "/dataset", "code": "literal_error", "message": "m"}]
    server.answer = lambda _: problem(400, "invalid-request", errors=errors)
    with pytest.raises(ApiRefused, match="/dataset: m"):
        send(api, *({"n": n} for n in range(9)))
    assert len(server.seen) == 1


def test_atomic_batch_is_never_split(api: Api, server: Server) -> None:
    server.answer = replies(problem(413, "body-too-large"))
    with pytest.raises(ApiRefused):
        send(api, {"n": 1}, {"n": 2}, mode="atomic")


def test_unreadable_lines_are_counted_and_written_and_the_rest_is_sent(api: Api, server: Server) -> None:
    kept: list[bytes] = []
    ingestion = Ingestion(api, Order("olist"), kept.append)
    for _ in ingestion.send(read_jsonl(io.BytesIO(b'{"n":1}\nnonsense\n{"n":2}\n'), "t"), 10):
        pass
    assert (ingestion.tally.read, ingestion.tally.rejected, kept) == (3, 1, [b"nonsense"])
    assert ingestion.tally.unreadable == ["line 2: not a JSON object"]
    assert ingestion.tally.bytes == 25


def test_batch_never_exceeds_the_limits_of_the_api() -> None:
    long = [Sent(n, "t", json.dumps({"x": "é" * 250_000}), 0) for n in range(16)]
    sizes = [sum(len(r.text.encode()) + 1 for r in batch) for batch in in_batches(long, 1000)]
    assert len(sizes) > 1
    assert max(sizes) <= MOST_BYTES
    assert sum(len(batch) for batch in in_batches(long, 1000)) == 16


def test_record_larger_than_a_batch_is_sent_alone() -> None:
    found = list(in_batches([Sent(n, "t", json.dumps({"x": "x" * MOST_BYTES}), 0) for n in range(2)], 1000))
    assert [len(batch) for batch in found] == [1, 1]
