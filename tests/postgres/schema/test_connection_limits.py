"""Limits of connections: applied with the schema, found and repaired by the doctor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dataforge.errors import TooFewConnections, Unavailable
from dataforge.postgres.connection_budget import Budget
from dataforge.postgres.roles import INGEST, LOGINS
from functions.schema.apply.apply import apply
from functions.schema.apply.connections import connection_limits
from functions.schema.doctor.doctor import examine

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from functions.schema.doctor.logins import Limits
    from tests.postgres.conftest import Database, Server

PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")
SMALL = Budget(2, 2, 1)


@pytest.fixture(autouse=True)
def unlimited(server: Server) -> Iterator[None]:
    """Remove the limits after the test, because all tests share the server's roles."""
    yield
    server.run(*(f"ALTER ROLE {role} CONNECTION LIMIT -1" for role in LOGINS))


@pytest.fixture
def limits(master: Connection) -> Limits:
    """The limits of the test server."""
    return connection_limits(master, SMALL, None)


def test_every_login_is_limited(database: Database, master: Connection, limits: Limits) -> None:
    apply(master, PASSWORDS, limits=limits)
    found = dict(
        database.query("SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname = ANY(%s)", [*LOGINS])
    )
    assert found == dict(limits)
    assert apply(master, PASSWORDS, limits=limits) == {"changes": []}


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        (9999, "connection_limit"),
        pytest.param(-1, "connection_limit", marks=pytest.mark.slow),
        pytest.param(0, "no_connections", marks=pytest.mark.slow),
    ],
)
def test_doctor_finds_and_repairs_another_limit(
    server: Server, master: Connection, limits: Limits, limit: int, code: str
) -> None:
    apply(master, PASSWORDS, limits=limits)
    server.run(f"ALTER ROLE {INGEST} CONNECTION LIMIT {limit}")
    (finding,) = examine(master, limits=limits)
    assert (finding["code"], finding["object"]) == (code, INGEST)
    apply(master, PASSWORDS, limits=limits)
    assert examine(master, limits=limits) == []


def test_doctor_reports_nothing_for_a_login_at_its_limit(
    server: Server, database: Database, master: Connection
) -> None:
    database.connect(INGEST)
    server.run(f"ALTER ROLE {INGEST} CONNECTION LIMIT 1")
    with pytest.raises(Unavailable, match="too many connections"):
        database.connect(INGEST)

    def sign_in(role: str, password: str) -> None:
        database.connect(role, password)

    assert examine(master, PASSWORDS, sign_in) == []


def test_limits_respect_the_share_of_an_existing_database(master: Connection) -> None:
    ours = connection_limits(master, SMALL, 60)
    assert sum(ours.values()) <= 60
    with pytest.raises(TooFewConnections, match="the setting maxConnections has 30"):
        connection_limits(master, SMALL, 30)
    with pytest.raises(TooFewConnections, match="the database server has 100"):
        connection_limits(master, Budget(40, 40, 3), 4000)
