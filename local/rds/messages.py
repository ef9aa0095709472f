"""The messages of PostgreSQL's protocol before and at authentication.

Source: PostgreSQL's documentation, "Message Formats".
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

CANCEL, TLS, GSS = 80877102, 80877103, 80877104
"""Requests that a client sends instead of a startup message, without a type."""
LONGEST_STARTUP = 10_000
LONGEST_PASSWORD = 65_535
AUTHENTICATION, ERROR, PASSWORD = b"R", b"E", b"p"
CLEARTEXT = AUTHENTICATION + struct.pack("!ii", 8, 3)
"""Request for the password as text, which RDS sends for a token."""
DENIED = "28000"
"""SQLSTATE invalid_authorization_specification, as of a connection that pg_hba.conf or PAM refuses."""


class Malformed(Exception):
    """The peer does not speak the protocol, or has closed the connection."""


class Startup(NamedTuple):
    """The first message of a client; ``raw`` is all of it."""

    code: int
    raw: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """Such as `user` and `database`."""
        words = [word.decode(errors="replace") for word in self.raw[8:].split(b"\0")]
        return dict(zip(words[::2], words[1::2], strict=False))


class Message(NamedTuple):
    """A message with a type."""

    kind: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """As it is sent."""
        return self.kind + struct.pack("!i", len(self.body) + 4) + self.body

    @property
    def authenticates(self) -> bool:
        """Whether the server accepts the client without a further question."""
        return self.kind == AUTHENTICATION and self.body[:4] == bytes(4)


def read_startup(peer: socket.socket) -> Startup:
    """Read the first message of a client. Raises ``Malformed``."""
    head = read_exactly(peer, 8)
    length, code = struct.unpack("!ii", head)
    if not 8 <= length <= LONGEST_STARTUP:
        raise Malformed("length of the first message")
    return Startup(code, head + read_exactly(peer, length - 8))


def read_message(peer: socket.socket, longest: int = LONGEST_PASSWORD) -> Message:
    """Read a message with a type. Raises ``Malformed``."""
    kind, length = struct.unpack("!ci", read_exactly(peer, 5))
    if not 4 <= length <= longest + 4:
        raise Malformed("length of a message")
    return Message(kind, read_exactly(peer, length - 4))


def read_exactly(peer: socket.socket, count: int) -> bytes:
    """Read this number of bytes and no more. Raises ``Malformed``."""
    found = bytearray()
    while len(found) < count:
        part = peer.recv(count - len(found))
        if not part:
            raise Malformed("end of the connection")
        found += part
    return bytes(found)


def fatal(text: str, state: str = DENIED) -> bytes:
    """The message with which a server refuses a connection."""
    fields = {"S": "FATAL", "V": "FATAL", "C": state, "M": text}
    body = b"".join(name.encode() + value.encode() + b"\0" for name, value in fields.items()) + b"\0"
    return Message(ERROR, body).raw
