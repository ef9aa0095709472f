"""Strict JSON: ambiguous documents are rejected, and numbers are exact."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import NotJson
from dataforge.formats.strict_json import HugeNumber
from dataforge.http.strictjson import parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@given(VALUES, st.booleans())
def test_document_of_json_dumps_is_read_unchanged(value: Any, escaped: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_number_is_read_exactly(number: Decimal) -> None:
    text = str(number)
    read = parse(text.encode())
    assert str(read) == ("0" if text == "-0" else text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e400", Decimal("1e400")),
        ("-0.10", Decimal("-0.10")),
        ("1" * 308, int("1" * 308)),
        ("1" * 309, Decimal("1" * 309)),
        ("-" + "1" * 4301, Decimal("-" + "1" * 4301)),
        ("1e99999999999999999999", HugeNumber("1e99999999999999999999")),
        ("[1e99999999999999999999, 1, 1.5]", [HugeNumber("1e99999999999999999999"), 1, Decimal("1.5")]),
    ],
)
def test_large_number_is_read_exactly(text: str, value: Any) -> None:
    read = parse(text.encode())
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "line 1, column 1"),
        (b'{\n"a": }', "line 2, column 6"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "'c' more than once"),
        (b'{"a": 1, "\\u0061": 1}', "'a' more than once"),
        (b"[NaN]", "NaN is not a JSON number"),
        (b"-Infinity", "-Infinity is not a JSON number"),
        (b'"\xff"', "not valid UTF-8 (byte 1)"),
        (b'"\xed\xa0\x80"', "not valid UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"[" * 10**6, "nested too deeply"),
        (b"1" * 5000 + b"x", "Extra data"),
    ],
)
def test_error_states_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(NotJson) as raised:
        parse(body)
    assert reason in str(raised.value)


@given(st.binary())
def test_any_bytes_are_read_or_raise_not_json(body: bytes) -> None:
    with suppress(NotJson):
        parse(body)
