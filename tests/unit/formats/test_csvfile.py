"""Boundaries of CSV records equal those of a byte-by-byte state machine for any bytes and any cuts."""

import csv
import io
import tracemalloc
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataforge.formats.csv_boundaries import EMPTY_LINES, end_state, parse_fields, scan, split_records

STEPS = {
    ("S", '"'): "Q",
    ("S", ","): "F",
    ("S", "\n"): "S",
    ("S", "\r"): "C",
    ("U", ","): "F",
    ("U", "\n"): "S",
    ("U", "\r"): "C",
    ("Q", '"'): "E",
    ("E", '"'): "Q",
    ("E", ","): "F",
    ("E", "\n"): "S",
    ("E", "\r"): "C",
    ("C", "\n"): "S",
}
"""The states of ``csv_boundaries``; F steps like S, C too except on LF. Other bytes lead to U, inside quotes to Q."""


@dataclass
class Read:
    """The machine's result for some bytes: ends of records, their fields (None: malformed), the last state."""

    ends: list[int]
    fields: list[list[bytes] | None]
    state: str


def machine(data: bytes, state: str = "S", *, last: bool = False) -> Read:
    """Read byte by byte according to RFC 4180."""
    ends: list[int] = []
    records: list[list[bytes] | None] = []
    fields, field, good = list[bytes](), b"", True

    def close(end: int) -> None:
        nonlocal fields, field, good
        records.append([*fields, field] if good else None)
        fields, field, good = [], b"", True
        ends.append(end)

    for place, byte in enumerate(data):
        sign, before = chr(byte), state
        if before == "C" and sign != "\n":
            close(place)
            state = before = "S"
        state = STEPS.get(("S" if state == "F" else state, sign), "Q" if state == "Q" else "U")
        good = good and not (before == "U" and sign == '"')
        good = good and not (before == "E" and state == "U")
        if sign == "\n" and state == "S":
            close(place + 1)
        elif sign == "," and state == "F":
            fields, field = [*fields, field], b""
        elif state != "C" and (sign != '"' or (before, state) == ("E", "Q")):
            field += bytes([byte])
    if last and data and (not ends or ends[-1] < len(data)):
        good = good and state != "Q"
        close(len(data))
    return Read(ends, records, state)


def beside_bare_returns(data: bytes, ends: list[int]) -> set[int]:
    """The records on both sides of CRs that no LF follows."""
    records = [data[start:end] for start, end in pairwise([0, *ends])]
    found = set()
    for index, record in enumerate(records):
        following = index + 1
        while following < len(records) and records[following] == b"\r":
            following += 1
        if record.endswith(b"\r") and following < len(records) and records[following] not in EMPTY_LINES:
            found |= {following} if record == b"\r" else {index, following}
    return found


MANY = b'a,"b"\n' * 17
"""The number of good records in a row from which on they are no longer read one by one."""

SOUP = st.lists(
    st.sampled_from(
        [b'"', b",", b"\n", b"\r\n", b"a", b"\r", b'""', b"bc", b'","', b'"\n"', "ã".encode(), MANY]
    ),
    max_size=40,
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(SOUP, st.booleans())
@example(b'"a"\r', True)
@example(b'a"b\n"c\nd"\n', False)
@example(b'"open', True)
@example(b'a"b\n' * 5000 + MANY + b'"x"y\n' + MANY, False)
def test_ends_and_malformed_records_equal_those_of_the_machine(data: bytes, last: bool) -> None:
    found, wanted = split_records(data, last=last), machine(data, last=last)
    assert found.ends.tolist() == wanted.ends
    malformed = {i for i, fields in enumerate(wanted.fields) if fields is None}
    assert found.malformed == sorted(malformed | beside_bare_returns(data, wanted.ends))
    assert found.starts.tolist() == [0, *wanted.ends][: len(wanted.ends)]


def test_malformed_records_take_little_more_memory_than_their_positions() -> None:
    records = 50_000
    tracemalloc.start()
    found = split_records(b'5" pipe\n' * records, last=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.malformed) == records
    assert peak / records < 150


@settings(max_examples=300, deadline=None)
@given(SOUP)
def test_fields_equal_those_of_the_machine(data: bytes) -> None:
    found = split_records(data, last=True)
    spans = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
    assert [parse_fields(data[start:end]) for start, end in spans] == machine(data, last=True).fields


@settings(max_examples=300, deadline=None)
@given(SOUP)
def test_scan_equals_the_machine_from_each_state(data: bytes) -> None:
    passages, lines = scan(data)
    assert lines == data.count(b"\n")
    for state, passage in passages.items():
        read = machine(data, state)
        first = next((end for end in read.ends if data[:end].endswith(b"\n")), -1)
        assert passage.first == first
        assert passage.lines == data.count(b"\n", 0, max(first, 0))
        assert passage.end == read.state or not data


@settings(max_examples=300, deadline=None)
@given(SOUP, st.lists(st.integers(0, 60), max_size=8))
def test_composed_scans_of_parts_equal_the_scan_of_the_whole(data: bytes, cuts: list[int]) -> None:
    borders = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    state, whole = "S", machine(data)
    starts = {0, *whole.ends}
    for start, end in pairwise(borders):
        passage = scan(data[start:end])[0]["F" if state == "S" else state]
        # After a CR only the next byte shows whether the record has ended.
        pending = state == "C" and data[start : start + 1] not in (b"\n", b"")
        assert (start in starts) == (state == "S" or pending)
        shown = [p - start for p in starts if start < p <= end and data[p - 1] == ord("\n")]
        assert passage.first == min(shown, default=-1)
        state = passage.end
    assert state == whole.state


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_every_line_end_ends_a_record(end: bytes) -> None:
    data = b"a,b" + end + b'"c\rd",e' + end + b"f" + end
    records = split_records(data, last=True)
    spans = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
    found = [parse_fields(data[start:stop]) for start, stop in spans if data[start:stop] not in EMPTY_LINES]
    assert found == [[b"a", b"b"], [b"c\rd", b"e"], [b"f"]]


@settings(max_examples=300, deadline=None)
@given(SOUP)
def test_state_after_an_incomplete_record_equals_the_machines(data: bytes) -> None:
    ends = machine(data).ends
    tail = data[ends[-1] if ends else 0 :]
    assert end_state(tail) == machine(tail).state


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(TEXT, min_size=2, max_size=4), max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_output_of_a_csv_writer_is_read_with_equal_values(rows: list[list[str]], line_end: str) -> None:
    buffer = io.StringIO()
    # Where lines end with LF alone, the writer leaves a CR in a field bare, and it cannot be distinguished from a line end.
    if line_end == "\n":
        csv.writer(buffer, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(rows)
    else:
        csv.writer(buffer, lineterminator=line_end).writerows(rows)
    data = buffer.getvalue().encode()
    records = split_records(data, last=True)
    spans = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
    found = [parse_fields(data[start:end]) for start, end in spans]
    assert found == [[field.encode() for field in row] for row in rows]
    assert records.malformed == []


@pytest.mark.parametrize("place", [0, 40_000, 140_000])
def test_malformed_record_does_not_extend_to_its_neighbours(place: int) -> None:
    good = b'1,"two\nlines, ""quoted"""\n'
    data = b"".join(b'x,5" pipe\n' if number == place // len(good) else good for number in range(8000))
    records = split_records(data, last=True)
    assert len(records.ends) == 8000
    assert records.malformed == [place // len(good)]


def test_unclosed_quote_makes_one_malformed_record_to_the_end_of_the_file() -> None:
    records = split_records(b'a,b\n"c,d\ne,f\n', last=True)
    assert records.ends.tolist() == [4, 13]
    assert records.malformed == [1]
