"""Pass bytes between a client and the server until one of them ends the connection."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl

CHUNK = 2**18
_WAITING = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Direction:
    """Bytes that one end has sent and the other has not received. The next ones are read when there are none."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self._source, self._target = source, target
        self._buffer = memoryview(bytearray(CHUNK))
        self._left = self._buffer[:0]
        self.ended = False

    @property
    def waits_for(self) -> tuple[socket.socket, int]:
        """The end that must become ready, and for what."""
        return (self._target, select.POLLOUT) if self._left else (self._source, select.POLLIN)

    def move(self) -> bool:
        """Read once and write once, without waiting; returns whether bytes were moved."""
        try:
            if not self._left:
                self._left = self._buffer[: self._source.recv_into(self._buffer)]
                self.ended = not self._left
                if self.ended:
                    return False
            self._left = self._left[self._target.send(self._left) :]
        except _WAITING:
            return False
        return True


def relay(client: ssl.SSLSocket, server: socket.socket) -> None:
    """Return when one end has closed the connection, or is lost."""
    for end in (client, server):
        end.setblocking(False)
    up, down = Direction(client, server), Direction(server, client)
    with contextlib.suppress(OSError):
        while True:
            # Both are tried: bytes that TLS has decrypted already do not make the socket readable.
            moved = [up.move(), down.move()]
            if up.ended or down.ended:
                break
            if not any(moved):
                _wait(up, down)
        if down.ended:
            client.unwrap()  # reports the end to the client


def _wait(*directions: Direction) -> None:
    wanted: dict[socket.socket, int] = {}
    for end, event in (direction.waits_for for direction in directions):
        wanted[end] = wanted.get(end, 0) | event
    poll = select.poll()
    for end, events in wanted.items():
        poll.register(end, events)
    poll.poll()
