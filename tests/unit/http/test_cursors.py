"""Cursors lead on in their own listing, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import InvalidRequest
from dataforge.http.cursors import make_cursor, read_cursor

JSON = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


@given(JSON, JSON)
def test_a_cursor_holds_its_position(scope: Any, position: Any) -> None:
    cursor = make_cursor(scope, position)
    assert read_cursor(scope, cursor) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(JSON, JSON, JSON)
def test_another_scope_refuses_it(scope: Any, other: Any, position: Any) -> None:
    if scope != other:
        with pytest.raises(InvalidRequest):
            read_cursor(other, make_cursor(scope, position))


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor("listing", text)
