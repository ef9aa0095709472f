"""JSON Lines: lines as records, and their division into chunks and blocks."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.errors import NotJsonLines, RecordTooLong, WrongEncoding
from dataforge.formats.csv_stream import RECORD_LIMIT, BufferedRecords, RawRecord, stream_records
from dataforge.formats.headers import Headers
from dataforge.formats.json_boundaries import line_blocks, line_ends, raw_lines, scan, whole_size
from dataforge.formats.json_lines import first_record, read_line

SOUP = st.lists(
    st.sampled_from([b"{}", b'{"a": "\\n"}', b"\n", b"\r\n", b"\r", b" ", b'"', b"\xff"]), max_size=30
).map(b"".join)
NAMES = Headers((("number", ("No.", "#")), ("title", ("title",)), ("year", ("year",))), ("extra",))
COLUMNS = ("number", "title")


def lines_of(data: bytes) -> list[RawRecord]:
    """Every line that is not blank, found one by one: the reference."""
    found, offset = [], 0
    for number, line in enumerate(io.BytesIO(data), 1):
        if line.strip(b" \t\r\n"):
            found.append(RawRecord(line, offset, number, False))
        offset += len(line)
    return found


@settings(max_examples=100, deadline=None)
@given(SOUP, st.lists(st.integers(0, 60), max_size=8), st.integers(1, 20))
def test_chunks_of_any_ranges_and_blocks_are_the_lines_of_the_file(
    data: bytes, cuts: list[int], size: int
) -> None:
    borders = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    state, line, starts = "S", 1, []
    for start, end in pairwise(borders):
        passages, count = scan(data[start:end])
        passage = passages["F" if state == "S" else state]
        if state == "S":
            starts.append((start, line))
        elif passage.first >= 0:
            starts.append((start + passage.first, line + passage.lines))
        state, line = passage.end, line + count
    chunks = pairwise([*starts, (len(data), 0)])
    records = [BufferedRecords(data[a:b], a, first) for (a, first), (b, _) in chunks]
    blocks = [block for part in records for block in line_blocks(part, size)]
    assert [line for block in blocks for line in raw_lines(block)] == lines_of(data)
    assert all(int(line_ends(block.data)[-1]) == len(block.data) for block in blocks)


@settings(max_examples=100, deadline=None)
@given(SOUP, st.integers(1, 20))
def test_streamed_lines_are_the_lines_of_the_file(data: bytes, size: int) -> None:
    streamed = stream_records(io.BytesIO(data).read, "a.jsonl", buffer=size, whole_size=whole_size)
    assert [line for records in streamed for line in raw_lines(records)] == lines_of(data)


def test_endless_line_is_refused() -> None:
    def read(size: int) -> bytes:
        return b"{}\n".ljust(size, b"x")

    with pytest.raises(RecordTooLong, match="line 2 "):
        list(stream_records(read, "a.jsonl", buffer=RECORD_LIMIT + 10, whole_size=whole_size))


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (b'{"No.": 1, "No.": 2}', "json_invalid", "the name 'No.' more than once"),
        (b'{"title": {"a": 1, "a": 2}}', "json_invalid", "the name 'a' more than once"),
        (b'{"No.": Infinity}', "json_invalid", "Infinity is not a JSON number"),
        (b'{"No.": 1', "json_invalid", "line 1, column"),
        (b'{"No.": 1} 2', "json_invalid", "Extra data"),
        (b'{"No.": 01}', "json_invalid", "delimiter"),
        (b'{"title": ' + b"[" * 100_000, "json_invalid", "nested too deeply"),
        (b"7", "dict_type", "an object"),
        (b"null", "dict_type", "an object"),
        (b'\xef\xbb\xbf{"No.": 1}', "byte_order_mark", "byte order mark"),
        (b'{"title": "\xe9"}', "string_unicode", "not valid UTF-8"),
        (b'{"number": 1}', "unknown_column", "The key of this column is 'No.' or '#'"),
        (b'{"year": 1}', "unknown_column", "The names of the file's folders fill this column"),
        (b'{"No.": null, "#": 1}', "json_invalid", "two keys of one column"),
        (b'{"other": null}', "unknown_column", "The table has no such column"),
    ],
)
def test_malformed_line_is_rejected(line: bytes, code: str, message: str) -> None:
    found = read_line(line, NAMES, COLUMNS)
    assert isinstance(found, list)
    assert [violation.code for violation in found] == [code]
    assert message in found[0].message


def test_unknown_keys_are_named_without_characters_that_cannot_be_stored() -> None:
    found = read_line(b'{"\\u0000\\ud800": 1, "%s": 2}' % (b"x" * 200), NAMES, COLUMNS)
    assert isinstance(found, list)
    assert [violation.column for violation in found] == ["\\x00\\ud800", "x" * 100]


def test_null_and_missing_keys_have_no_value() -> None:
    assert read_line(b'{"title": null, "extra": [1]}\r\n', NAMES, COLUMNS) == {}
    assert read_line(b' {"No.": 1e2, "title": ""}', NAMES, COLUMNS) == {"number": 100, "title": ""}


@pytest.mark.parametrize(
    ("head", "start"),
    [(b"", 0), (b"\n \r\n", 0), (b'\xef\xbb\xbf{"a": 1}', 3), (b"damaged\n{}\n", 0), (b"[1]\n{}\n", 0)],
)
def test_file_with_an_object_or_without_records_begins_after_its_mark(head: bytes, start: int) -> None:
    assert first_record("a.jsonl", head, whole=True) == start


def test_first_line_may_be_longer_than_the_head() -> None:
    assert first_record("a.jsonl", b'{"a": "xxx', whole=False) == 0


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"[\n {", "one JSON array"),
        (b"[" + b" " * 100, "one JSON array"),
        (b'[{"No.": 1},\n{"No.": 2}\n]', "one JSON array"),
        (b'{\n "No.": 1\n}', "one JSON document over several lines"),
        (b"No.,title\n1,a", "No line at its start is an object"),
    ],
)
def test_file_without_objects_is_refused(head: bytes, found: str) -> None:
    with pytest.raises(NotJsonLines, match=found):
        first_record("a.jsonl", head, whole=False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_file_in_another_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(WrongEncoding, match="UTF-16 or UTF-32"):
        first_record("a.jsonl", b'{"a": 1}'.decode().encode(encoding), whole=True)


def test_header_with_a_dot_is_a_key_inside_an_object() -> None:
    names = Headers(
        (("id", ("_id.$oid",)), ("city", ("address.place.city",)), ("more", ("more",))), ("address.x",)
    )
    columns = ("id", "city", "more")
    line = b'{"_id": {"$oid": "5f"}, "address": {"place": {"city": "Bonn"}, "x": 1}, "more": {"a.b": 1}}'
    assert read_line(line, names, columns) == {"id": "5f", "city": "Bonn", "more": {"a.b": 1}}
    assert read_line(b'{"_id": null, "more": 1}', names, columns) == {"more": 1}
    for wrong in (b'{"_id": 5}', b'{"_id": {"y": 5}}', b'{"address": {"place": {"y": 5}}}'):
        assert [getattr(v, "code", v) for v in read_line(wrong, names, columns)] == ["unknown_column"]
