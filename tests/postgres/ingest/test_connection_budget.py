"""Limits of connections: 503 beyond the role's limit, and idle sessions that end without an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.postgres.connection import _warm
from dataforge.postgres.roles import INGEST, LOGINS

if TYPE_CHECKING:
    from tests.postgres.conftest import Server
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
SESSIONS = "SELECT pid FROM pg_stat_activity WHERE usename = %s AND datname = current_database()"

NEWEST = f"{SESSIONS} ORDER BY backend_start DESC LIMIT 1"


@pytest.fixture
def limited(server: Server, api: Api) -> Iterator[None]:
    """Limit the role to two connections, of which this process has none."""
    for db, _ in _warm.values():
        db.close()
    api.database.until(f"SELECT 1 WHERE NOT EXISTS ({SESSIONS.replace('%s', repr(INGEST))})")
    server.run(f"ALTER ROLE {INGEST} CONNECTION LIMIT 2")
    yield
    server.run(f"ALTER ROLE {INGEST} CONNECTION LIMIT -1")


def test_request_beyond_the_limit_is_503_with_retry_after(api: Api, sample: Sample, limited: None) -> None:
    others = [api.database.connect(INGEST) for _ in range(2)]
    for reply in (api.post(sample("customers")), api.get("health"), api.get("rejections")):
        reply.problem(503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0
    for role in set(LOGINS) - {INGEST}:
        api.database.connect(role).close()
    others[0].close()
    api.database.until(
        f"SELECT 1 WHERE (SELECT count(*) FROM ({SESSIONS.replace('%s', repr(INGEST))}) s) < 2"
    )
    assert api.post(sample("customers")).status == 200


def test_session_ended_by_the_idle_time_out_causes_no_error(
    api: Api, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_IDLE_SECONDS", "1")
    assert api.post(sample("customers")).status == 200
    ((pid,),) = api.database.query(NEWEST, INGEST)
    api.database.until(f"SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {pid})")
    assert api.post(sample("orders", 1)).status in {200, 422}
    ((other,),) = api.database.query(NEWEST, INGEST)
    assert other != pid
