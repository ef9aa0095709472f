"""Records read from JSON Lines: sent text equals the text of the file, and invalid lines are stored."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge_cli.records.json_lines import Sent, Unreadable, read_jsonl, split_object

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:f}"[:40])
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS.map(lambda n: ("number", n)), st.text(max_size=8))


def written(value: Any) -> str:
    """JSON with the original text of each number."""
    return value[1] if isinstance(value, tuple) else json.dumps(value, ensure_ascii=False)


def lines(*given: str) -> io.BytesIO:
    return io.BytesIO("".join(f"{line}\n" for line in given).encode(errors="surrogatepass"))


def jsonl(*given: str, table: str | None = None) -> list[Any]:
    return list(read_jsonl(lines(*given), table))


@given(
    st.dictionaries(NAMES.filter(lambda n: "\x00" not in n), SCALARS, max_size=5),
    st.sampled_from(["", " ", "\t "]),
)
def test_members_have_their_original_text(members: dict[str, Any], space: str) -> None:
    pairs = [f"{json.dumps(name)}{space}:{space}{written(value)}" for name, value in members.items()]
    text = "{" + space + f"{space},{space}".join(pairs) + space + "}"
    assert split_object(text) == {name: written(value) for name, value in members.items()}


@pytest.mark.parametrize("number", ["1.10", "12345678901234567890.5", "1e2", "-0", "0.1000000000000000055"])
def test_numbers_are_sent_unchanged(number: str) -> None:
    (record,) = jsonl(f'{{"table": "t", "data": {{"price": {number}}}}}')
    assert f'"price": {number}}}' in record.text
    assert json.loads(record.text, parse_float=Decimal, parse_int=Decimal)["data"]["price"] == Decimal(number)


def test_line_is_a_record_or_with_a_specified_table_its_data() -> None:
    assert [(r.table, r.data) for r in jsonl('{"table": "a", "data": {}}', '{"x": 1}', table="b")] == [
        ("a", "{}"),
        ("b", '{"x": 1}'),
    ]


def test_errors_beside_a_rejected_record_are_ignored() -> None:
    (record,) = jsonl('{"table": "a", "data": {"x": 1}, "errors": [{"code": "missing"}]}')
    assert record.text == '{"table":"a","data":{"x": 1}}'


def test_empty_lines_and_a_bom_are_ignored() -> None:
    found = list(read_jsonl(io.BytesIO(b'\xef\xbb\xbf{"x":1}\r\n\r\n  \n{"x":2}'), "t"))
    assert [(r.line, r.data) for r in found if isinstance(r, Sent)] == [(1, '{"x":1}'), (4, '{"x":2}')]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense", "not a JSON object"),
        (b'{"table": "a"}', 'expected {"table"'),
        (b'{"table": 1, "data": {}}', 'expected {"table"'),
        (b'{"table": "a", "data": []}', 'expected {"table"'),
        (b'{"table": "a", "data": {}} x', "text after the object"),
        (b'{"table": "a", "data": {},}', "expected ','"),
        (b'{"table": "a" "data": {}}', "expected ','"),
        (b'{"table": "a", "table": "b", "data": {}}', "the name 'table' is a duplicate"),
        (b'{"table": "a", "data": {"x": NaN}}', "NaN is not JSON"),
        (b'{"table": "a", "data": {"x": "\xff"}}', "not valid UTF-8 (byte "),
        (b'{"table": "a", "data": {"x": 1', "not JSON"),
        (b'{"table": "a", "data": {"x": ' + b"[" * 100_000, "nested too deeply"),
        (b"{1: 2}", "a member has no name"),
    ],
)
def test_invalid_line_is_stored_unchanged(line: bytes, reason: str) -> None:
    (found,) = read_jsonl(io.BytesIO(line + b"\r\n"), None)
    assert isinstance(found, Unreadable)
    assert found.reason.startswith(reason)
    assert (found.kept, found.line, found.size) == (line, 1, len(line) + 2)
