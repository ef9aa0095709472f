"""Outages of the database: 503, no partial batch, and a retry stores nothing twice."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from local.config import HOST

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]


class Wire:
    """A relay between the function and PostgreSQL, which can cut a connection.

    ``cuts``: how many messages with ``word`` cut the connection. ``after``: whether PostgreSQL receives and executes
    the message before the cut; its response is lost.
    """

    def __init__(self, port: int) -> None:
        self.word, self.cuts, self.after = b"", 0, False
        self._target = (HOST, port)
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, word: bytes, *, times: int = 1, after: bool = False) -> None:
        """Cut the connection at the next messages with the word."""
        self.word, self.cuts, self.after = word, times, after

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=[client], daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server, suppress(OSError):
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(1 << 20)
                    if not data:
                        return
                    if ready is client and self.cuts and self.word in data:
                        self.cuts -= 1
                        if self.after:
                            server.sendall(data)
                            server.recv(1 << 20)
                        return
                    (server if ready is client else client).sendall(data)


@pytest.fixture
def wire(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """A relay over which the function connects to its database."""
    wire = Wire(api.database.server.config.pg_port)
    monkeypatch.setenv("DB_PORT", str(wire.port))
    yield wire
    wire.close()


def test_unavailable_database_is_503_with_retry_after(
    api: Api, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("DB_PORT", str(port))
    replies = [api.post(sample("customers"), idempotency_key="one"), api.get("health"), api.get("rejections")]
    for reply in replies:
        document = reply.problem(503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0
        for inside in (str(port), HOST, "dataforge_", "refused"):
            assert inside not in document["detail"]
    monkeypatch.undo()


def test_full_disk_is_503_with_a_later_retry_after_and_stores_nothing(api: Api, sample: Sample) -> None:
    api.database.query(
        "CREATE FUNCTION olist.no_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN"
        " COPY (SELECT repeat('x', 100000)) TO '/dev/full'; END$$;"
        "CREATE TRIGGER no_room BEFORE INSERT ON olist.orders EXECUTE FUNCTION olist.no_room()"
    )
    records = [sample("customers"), sample("orders")]
    reply = api.post(*records, idempotency_key="one")
    document = reply.problem(503, "disk-full")
    assert int(reply.headers["Retry-After"]) >= 60
    for inside in ("base/", "SQLSTATE", "maxStorage"):
        assert inside not in document["detail"]
    assert api.count("olist.customers") == 0
    api.database.query("DROP TRIGGER no_room ON olist.orders; DROP FUNCTION olist.no_room")
    assert api.post(*records, idempotency_key="one").statuses == ["inserted", "inserted"]


def test_health_is_ok_only_while_the_database_answers(api: Api, wire: Wire) -> None:
    assert (api.get("health").status, api.get("health").json) == (200, {"status": "ok"})
    wire.cut_at(b"SELECT", times=9)
    assert api.get("health").status == 503
    wire.cut_at(b"", times=0)
    assert api.get("health").status == 200


@pytest.mark.parametrize("word", [b"WITH given", b"INSERT INTO dataforge.rejections", b"COMMIT"])
def test_connection_lost_before_the_commit_stores_nothing(
    api: Api, sample: Sample, wire: Wire, word: bytes
) -> None:
    wire.cut_at(word, times=9)
    reply = api.post(sample("customers"), sample("orders", 9))
    reply.problem(503, "unavailable")
    assert [api.count(n) for n in ("olist.customers", "dataforge.rejections")] == [0, 0]


@pytest.mark.parametrize("word", [b"BEGIN", b"WITH given", b"UPDATE dataforge.batches"])
def test_dead_connection_is_replaced(api: Api, sample: Sample, wire: Wire, word: bytes) -> None:
    api.get("health")
    wire.cut_at(word)
    assert api.post(sample("customers"), idempotency_key="one").statuses == ["inserted"]


def test_answer_lost_after_the_commit_is_returned_again(api: Api, sample: Sample, wire: Wire) -> None:
    wire.cut_at(b"COMMIT", after=True)
    records = [sample("customers"), sample("orders", 9)]
    first = api.post(*records, idempotency_key="one")
    assert first.statuses == ["inserted", "rejected"]
    assert api.post(*records, idempotency_key="one") == first
    found = [api.count(n) for n in ("olist.customers", "dataforge.batches", "dataforge.rejections")]
    assert found == [1, 1, 1]


def test_retry_with_the_key_after_lost_answers_returns_the_first_answer(
    api: Api, sample: Sample, wire: Wire
) -> None:
    wire.cut_at(b"COMMIT", times=2, after=True)
    records = [sample("customers"), sample("orders", 9)]
    api.post(*records, idempotency_key="one").problem(503, "unavailable")
    reply = api.post(*records, idempotency_key="one")
    assert reply.statuses == ["inserted", "rejected"]
    assert [api.count(n) for n in ("olist.customers", "dataforge.rejections")] == [1, 1]


def test_lost_answer_without_a_key_is_503_and_a_retry_changes_nothing(
    api: Api, sample: Sample, wire: Wire
) -> None:
    wire.cut_at(b"COMMIT", after=True)
    api.post(sample("customers")).problem(503, "unavailable")
    assert api.count("olist.customers") == 1
    assert api.post(sample("customers")).statuses == ["unchanged"]


def test_connection_with_a_killed_backend_is_replaced(api: Api, sample: Sample) -> None:
    api.post(sample("customers"))
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dataforge_ingest'"
    assert api.database.query(kill)
    assert api.post(sample("customers", 2)).statuses == ["inserted"]
