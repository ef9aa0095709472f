"""No forged cursor of a page of rejections causes a 500, and none is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.forged_cursors import POSITION, forged, former, signed

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
SCOPE: list[Any] = ["rejections", {}, "key-1"]
"""That of a writer, whose key has this id."""


@pytest.fixture
def cursors(api: Api, sample: Sample) -> list[str]:
    """Cursors of all rejections, and of those of a table."""
    api.post(*(sample("orders", n) for n in range(3)))
    queries: list[dict[str, str]] = [{}, {"table": "orders"}]
    return [api.get("rejections", limit="1", **query).json["next_cursor"] for query in queries]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_forged_cursor_is_400(api: Api, cursors: list[str], data: st.DataObject) -> None:
    cursor = data.draw(forged(cursors, SCOPE))
    reply = api.get("rejections", cursor=cursor)
    assert reply.status == (200 if cursor == cursors[0] else 400), reply.text


@pytest.mark.parametrize("position", [None, "a", 10**30, -(10**30), [1], {}, 0.5, True])
def test_former_cursor_is_400(api: Api, position: Any) -> None:
    api.get("rejections", cursor=former(SCOPE, position)).problem(400, "invalid-request")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=POSITION)
def test_signed_position_of_another_version_is_400(api: Api, position: Any) -> None:
    ((number, key),) = api.database.query(
        "SELECT (extract(epoch FROM created_at) * 1000000)::bigint, ingest FROM dataforge.cursor_keys"
    )
    reply = api.get("rejections", cursor=signed(number, bytes(key), SCOPE, position))
    is_id = isinstance(position, int) and not isinstance(position, bool) and 0 <= position < 2**63
    assert reply.status == (200 if is_id else 400), reply.text
