"""Let clients sign in to PostgreSQL as RDS does: over TLS only, and members of `rds_iam` with a token.

The server accepts a member of `rds_iam` that this process presents on its socket (pg_hba.conf), and asks all others for
their password.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psycopg2

from local.rds.messages import (
    CANCEL,
    CLEARTEXT,
    ERROR,
    GSS,
    PASSWORD,
    TLS,
    Malformed,
    Message,
    Startup,
    fatal,
    read_message,
    read_startup,
)
from local.rds.relay import relay

TOKENS = "tokens"
"""The socket, beside that of PostgreSQL, on which the emulator checks tokens."""
SIGN_IN_SECONDS = 60
"""The default of PostgreSQL's authentication_timeout."""
NEGOTIATION = b"v"
# PostgreSQL makes a role that creates another one an administrator of it, and RDS lets its master grant rds_iam. Both have
# only the admin option, and use neither the role nor its privileges.
IS_MEMBER = """
    WITH RECURSIVE held (role) AS (
        SELECT oid FROM pg_roles WHERE rolname = %s AND NOT rolsuper
        UNION
        SELECT roleid FROM held JOIN pg_auth_members ON member = role WHERE inherit_option OR set_option
    )
    SELECT EXISTS (SELECT FROM held WHERE role = to_regrole('rds_iam'))
"""

logger = logging.getLogger("rds")


class Refused(Exception):
    """The client may not sign in. The text is the server's answer."""


class Place(NamedTuple):
    """The server's socket, and what is known of the sign-in."""

    socket: str
    superuser: str
    """The parameters of the superuser's connections to PostgreSQL."""
    verify: Callable[[str, str], str]
    """User and token to the reason of a refusal, or ""."""


class Entrance:
    """Serves one client after another, each in its own thread."""

    def __init__(self, context: ssl.SSLContext, place: Place) -> None:
        self._context, self._place = context, place

    def serve(self, client: socket.socket) -> None:
        """Serve a connection until its end."""
        with closing(client), contextlib.suppress(OSError, Malformed):
            client.settimeout(SIGN_IN_SECONDS)
            startup = read_startup(client)
            while startup.code == GSS:
                client.sendall(b"N")
                startup = read_startup(client)
            if startup.code == CANCEL:
                self._forward(startup)
            elif startup.code == TLS:
                client.sendall(b"S")
                with self._context.wrap_socket(client, server_side=True) as secure:
                    self._sign_in(secure, read_startup(secure))
            else:
                client.sendall(fatal(_without_tls(startup)))

    def _sign_in(self, client: ssl.SSLSocket, startup: Startup) -> None:
        if startup.code == CANCEL:
            self._forward(startup)
            return
        try:
            verified = self._verified(client, startup.parameters.get("user", ""))
            with closing(self._connect(startup)) as server:
                client.sendall(_answer(client, server, verified=verified).raw)
                relay(client, server)
        except Refused as error:
            client.sendall(fatal(str(error)))

    def _verified(self, client: ssl.SSLSocket, user: str) -> bool:
        """Whether the client has presented a valid token; False if it needs a password. Raises ``Refused``."""
        if not _uses_token(self._place, user):
            return False
        client.sendall(CLEARTEXT)
        answer = read_message(client)
        token = answer.body.rstrip(b"\0").decode(errors="replace") if answer.kind == PASSWORD else ""
        if reason := self._place.verify(user, token):
            logger.warning("%s was refused: %s", user, reason)
            raise Refused(f'PAM authentication failed for user "{user}"')
        return True

    def _connect(self, startup: Startup) -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.settimeout(SIGN_IN_SECONDS)
            server.connect(self._place.socket)
            server.sendall(startup.raw)
        except OSError:
            server.close()
            raise
        return server

    def _forward(self, cancellation: Startup) -> None:
        """Pass on a request to cancel a statement; the server answers by closing the connection."""
        with closing(self._connect(cancellation)) as server:
            server.recv(1)


def _answer(client: ssl.SSLSocket, server: socket.socket, *, verified: bool) -> Message:
    """The server's first message about the sign-in: acceptance of a verified client, a request for a password otherwise."""
    while (message := read_message(server)).kind == NEGOTIATION:
        client.sendall(message.raw)
    if message.kind != ERROR and message.authenticates != verified:
        logger.error("pg_hba.conf contradicts the memberships: verified is %s", verified)
        raise Refused("PAM authentication failed")
    return message


def _uses_token(place: Place, user: str) -> bool:
    try:
        with closing(psycopg2.connect(place.superuser)) as db, db.cursor() as cursor:
            cursor.execute(IS_MEMBER, (user,))
            return bool(cursor.fetchall()[0][0])
    except psycopg2.OperationalError as error:
        raise Refused("the database system is not accepting connections") from error


def _without_tls(startup: Startup) -> str:
    user = startup.parameters.get("user", "")
    database = startup.parameters.get("database", user)
    return f'no pg_hba.conf entry for host "127.0.0.1", user "{user}", database "{database}", no encryption'


def ask(socket_path: Path) -> Callable[[str, str], str]:
    """A function that lets the AWS emulator check a token."""

    def verify(user: str, token: str) -> str:
        try:
            with closing(socket.socket(socket.AF_UNIX)) as emulator:
                emulator.settimeout(SIGN_IN_SECONDS)
                emulator.connect(str(socket_path))
                with emulator.makefile("rw") as lines:
                    lines.write(json.dumps({"user": user, "token": token}) + "\n")
                    lines.flush()
                    return str(json.loads(lines.readline())["refused"])
        except (OSError, ValueError) as error:
            return f"the emulator does not answer ({type(error).__name__})"

    return verify
