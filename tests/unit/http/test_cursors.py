"""Cursors continue their list, and are rejected unless the key has signed them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dataforge.errors import InvalidRequest
from dataforge.http.cursors import make_cursor, read_cursor
from tests.forged_cursors import POSITION, decoded, encoded, forged, former, signed

JSON = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
ANY = TypeAdapter(Any)


@dataclass
class Keys:
    """Keys in memory."""

    known: dict[int, bytes] = field(default_factory=lambda: {7: b"k" * 32})

    def newest(self) -> tuple[int, bytes]:
        return max(self.known.items())

    def find(self, number: int) -> bytes | None:
        return self.known.get(number)


KEYS = Keys()


@given(JSON, JSON)
def test_cursor_returns_its_position(scope: Any, position: Any) -> None:
    cursor = make_cursor(KEYS, scope, position)
    assert read_cursor(KEYS, scope, cursor, ANY) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(JSON, JSON, JSON)
def test_cursor_is_rejected_in_another_scope(scope: Any, other: Any, position: Any) -> None:
    if scope != other:
        with pytest.raises(InvalidRequest):
            read_cursor(KEYS, other, make_cursor(KEYS, scope, position), ANY)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_text_other_than_a_cursor_is_rejected(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor(KEYS, "listing", text, ANY)


@given(st.data())
def test_forged_cursor_is_rejected(data: st.DataObject) -> None:
    genuine = [make_cursor(KEYS, "listing", position) for position in (1, ["a", "b"], "x" * 40)]
    cursor = data.draw(forged(genuine, "listing"))
    if cursor not in genuine:
        with pytest.raises(InvalidRequest):
            read_cursor(KEYS, "listing", cursor, ANY)


@given(POSITION)
def test_former_cursor_without_a_key_is_rejected(position: Any) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor(KEYS, "listing", former("listing", position), ANY)


def test_two_encodings_of_the_same_bytes_are_not_one_cursor() -> None:
    cursor = make_cursor(KEYS, "listing", 10)
    while len(decoded(cursor)) % 3 == 0:
        cursor = make_cursor(KEYS, "listing", int(decoded(cursor)[24:]) * 10)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(cursor[-1])
    other = cursor[:-1] + letters[last ^ 1]
    assert decoded(other) == decoded(cursor)
    assert encoded(decoded(other)) == cursor
    with pytest.raises(InvalidRequest):
        read_cursor(KEYS, "listing", other, ANY)


@given(POSITION)
def test_signed_position_of_another_type_is_rejected(position: Any) -> None:
    cursor = signed(7, KEYS.known[7], "listing", position)
    if isinstance(position, bool) or not isinstance(position, int):
        with pytest.raises(InvalidRequest):
            read_cursor(KEYS, "listing", cursor, TypeAdapter(int))


def test_cursor_is_valid_until_its_key_is_withdrawn() -> None:
    keys = Keys({1: b"a" * 32})
    cursor = make_cursor(keys, "listing", "here")
    keys.known[2] = b"b" * 32
    newer = make_cursor(keys, "listing", "here")
    text = TypeAdapter(str)
    assert read_cursor(keys, "listing", cursor, text) == read_cursor(keys, "listing", newer, text) == "here"
    del keys.known[1]
    assert read_cursor(keys, "listing", newer, text) == "here"
    with pytest.raises(InvalidRequest):
        read_cursor(keys, "listing", cursor, text)
