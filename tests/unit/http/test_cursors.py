"""Cursors continue their list and are rejected in other lists."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import InvalidRequest
from dataforge.http.cursors import make_cursor, read_cursor

JSON = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


@given(JSON, JSON)
def test_cursor_returns_its_position(scope: Any, position: Any) -> None:
    cursor = make_cursor(scope, position)
    assert read_cursor(scope, cursor) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(JSON, JSON, JSON)
def test_cursor_is_rejected_in_another_scope(scope: Any, other: Any, position: Any) -> None:
    if scope != other:
        with pytest.raises(InvalidRequest):
            read_cursor(other, make_cursor(scope, position))


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_text_other_than_a_cursor_is_rejected(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor("listing", text)
