"""The process in front of PostgreSQL: its messages, the bytes that it passes on, and the certificates."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.rds import certificates
from local.rds.entrance import Entrance, Place
from local.rds.messages import Malformed, Message, fatal, read_message, read_startup
from local.rds.relay import CHUNK, relay

Ends = tuple[ssl.SSLSocket, socket.socket]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The certificate of an authority, and the server's certificate with its key."""
    folder = tmp_path_factory.mktemp("certificates")
    certificates.make(folder / "authority.pem", folder / "server.pem")
    return folder / "authority.pem", folder / "server.pem"


@pytest.fixture(scope="module")
def server_context(files: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1])
    return context


@pytest.fixture
def ends(files: tuple[Path, Path], server_context: ssl.SSLContext) -> Iterator[Ends]:
    """A client and a server that are connected by a relay."""
    client, front = socket.socketpair()
    back, server = socket.socketpair()

    def serve() -> None:
        with back, server_context.wrap_socket(front, server_side=True) as secure:
            relay(secure, back)

    thread = threading.Thread(target=serve)
    thread.start()
    context = ssl.create_default_context(cafile=files[0])
    with context.wrap_socket(client, server_hostname="127.0.0.1") as secure, server:
        yield secure, server
    thread.join(20)
    assert not thread.is_alive()


def test_private_key_is_readable_by_its_owner_only_and_the_authoritys_is_not_stored(
    files: tuple[Path, Path],
) -> None:
    authority, server = files
    assert server.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE KEY" in server.read_text()
    assert "PRIVATE KEY" not in authority.read_text()


def test_each_authority_is_another_one(files: tuple[Path, Path], tmp_path: Path) -> None:
    certificates.make(tmp_path / "authority.pem", tmp_path / "server.pem")
    assert (tmp_path / "authority.pem").read_text() != files[0].read_text()


def test_bytes_of_both_directions_arrive_at_the_same_time_and_in_order(ends: Ends) -> None:
    client, server = ends
    up, down = (random.Random(seed).randbytes(8 * CHUNK + seed) for seed in (1, 2))
    received: dict[str, bytes] = {}

    def receive(name: str, end: socket.socket, count: int) -> None:
        with end.makefile("rb") as stream:
            received[name] = stream.read(count)

    # An SSLSocket must not be used by two threads, so only the plain end reads and writes at once.
    reader = threading.Thread(target=receive, args=("up", server, len(up)))
    writer = threading.Thread(target=server.sendall, args=(down,))
    for thread in (reader, writer):
        thread.start()
    client.sendall(up)
    receive("down", client, len(down))
    for thread in (reader, writer):
        thread.join(20)
    assert (received["up"], received["down"]) == (up, down)


def test_end_of_the_server_ends_the_connection_of_the_client_after_its_last_bytes(ends: Ends) -> None:
    client, server = ends
    server.sendall(b"last words")
    server.close()
    assert client.recv(100) == b"last words"
    assert client.recv(100) == b""


def test_end_of_the_client_ends_the_connection_to_the_server(ends: Ends) -> None:
    client, server = ends
    client.sendall(b"terminate")
    client.close()
    assert server.recv(100) == b"terminate"
    assert server.recv(100) == b""


@given(st.binary(min_size=1, max_size=1), st.binary(max_size=500))
def test_message_is_read_as_it_was_written(kind: bytes, body: bytes) -> None:
    writer, reader = socket.socketpair()
    with writer, reader:
        message = Message(kind, body)
        writer.sendall(message.raw + b"next")
        assert read_message(reader) == message
        assert reader.recv(10) == b"next"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(sent: bytes) -> None:
    for read in (read_startup, read_message):
        writer, reader = socket.socketpair()
        with writer, reader:
            writer.sendall(sent)
            writer.close()
            with contextlib.suppress(Malformed):
                assert sent.startswith(read(reader).raw)


def test_client_without_tls_gets_the_error_of_the_server(server_context: ssl.SSLContext) -> None:
    client, front = socket.socketpair()
    entrance = Entrance(server_context, Place("nowhere", "", lambda user, token: "never asked"))
    parameters = b"user\0ana\0database\0forge\0\0"
    client.sendall((len(parameters) + 8).to_bytes(4, "big") + (3 << 16).to_bytes(4, "big") + parameters)
    entrance.serve(front)
    with client:
        assert client.recv(1000) == fatal(
            'no pg_hba.conf entry for host "127.0.0.1", user "ana", database "forge", no encryption'
        )
