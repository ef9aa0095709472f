"""The bulk path and the row model accept the same rows with the same texts for any bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from random import Random
from types import ModuleType
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from dataforge.bulk.blocks import Batch, TableBatcher, validate_record
from dataforge.formats.csv_blocks import blocks
from dataforge.formats.csv_boundaries import parse_fields, split_records
from dataforge.records.validate import Cleanings, Texts, row_hash, row_text
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import Boolean, Date, Header, Integer, Key, Money, Text, Timestamp
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from dataforge.tables.value_formats import Format

Part = tuple[tuple[str, ...], bytes]
OLIST = DATASETS["olist"]
POSITION = 7 << 44


def by_model(table: Table, part: Part) -> tuple[dict[int, Texts], dict[int, Any], Cleanings, int]:
    """Validate one record at a time: rows and rejections by position, cleanings, and the number of records."""
    (header, data), cleanings = part, Counter[tuple[str, str]]()
    records = split_records(data, last=True)
    rows, rejected, read = dict[int, Texts](), dict[int, Any](), 0
    for index, (start, end) in enumerate(zip(records.starts.tolist(), records.ends.tolist(), strict=True)):
        raw = data[start:end]
        if raw in (b"\n", b"\r\n", b"\r"):
            continue
        read += 1
        result = validate_record(table, header, raw, index in records.malformed, cleanings)
        if isinstance(result, list):
            rejected[start] = (raw, result)
        else:
            rows[POSITION + start] = result
    return rows, rejected, cleanings, read


def by_bulk(table: Table, part: Part, size: int) -> tuple[Batch, dict[int, Texts]]:
    """Validate in bulk: the batches of all blocks as one, and the rows of their COPY lines by position."""
    whole, batcher = Batch(), TableBatcher(table)
    for block in blocks(part[1], part[0], POSITION, size):
        batch = batcher.batch(block)
        for name in ("read", "rows", "deduplicated", "hash_total"):
            setattr(whole, name, getattr(whole, name) + getattr(batch, name))
        whole.lines += batch.lines
        offset = block.position - POSITION
        whole.rejected += [type(r)(r.offset + offset, r.raw, r.violations) for r in batch.rejected]
        whole.cleanings.update(batch.cleanings)
    return whole, read_copy(b"".join(whole.lines))


def read_copy(lines: bytes) -> dict[int, Texts]:
    """COPY's CSV lines as texts by position. No canonical text is empty, so an empty field is NULL."""
    records, rows = split_records(lines, last=True), dict[int, Texts]()
    for start, end in zip(records.starts.tolist(), records.ends.tolist(), strict=True):
        *values, position = (field.decode() for field in parse_fields(lines[start:end]) or ())
        rows[int(position)] = tuple(value or None for value in values)
    return rows


def agree(table: Table, part: Part, size: int = 1 << 20) -> tuple[dict[int, Texts], dict[int, Any]]:
    """Rows and rejections, after a comparison of both paths."""
    rows, rejected, cleanings, read = by_model(table, part)
    batch, found = by_bulk(table, part, size)
    assert {r.offset: (r.raw, r.violations) for r in batch.rejected} == rejected
    assert (batch.read, len(batch.rejected)) == (read, len(rejected))
    if table.keyed_by_row:
        assert batch.deduplicated == len(rows) - len(set(rows.values()))
        assert found.items() <= rows.items()
        assert sorted(map(row_text, found.values())) == sorted(map(row_text, set(rows.values())))
    else:
        assert found == rows
        assert batch.deduplicated == 0
    assert batch.cleanings == cleanings
    assert batch.rows == len(found)
    assert batch.hash_total % 2**64 == sum(map(row_hash, map(row_text, found.values()))) % 2**64
    return rows, rejected


ANY = st.randoms(use_true_random=True)


@settings(max_examples=50, deadline=None)
@given(random=ANY, size=st.sampled_from([300, 1 << 20]))
@pytest.mark.parametrize("name", ["everything", "Points §", "words"])
def test_bulk_result_equals_the_models_for_every_kind_of_column(
    kitchen: Dataset, csv_part: Callable[[Random, Table], Part], name: str, random: Random, size: int
) -> None:
    agree(kitchen.table(name), csv_part(random, kitchen.table(name)), size)


@settings(max_examples=20, deadline=None)
@given(random=ANY, size=st.sampled_from([300, 1 << 20]))
@pytest.mark.parametrize("name", OLIST.tables)
def test_bulk_result_equals_the_models_for_every_table_of_olist(
    csv_part: Callable[[Random, Table], Part], name: str, random: Random, size: int
) -> None:
    agree(OLIST.table(name), csv_part(random, OLIST.table(name)), size)


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_bom_before_a_record_rejects_it_and_in_quotes_is_part_of_its_value(size: int) -> None:
    data = '\ufeffum,one\ndois,two\n"\ufefftrês",three\nx\ufeff,four\n\ufeff"cinco",5\n'.encode()
    table = OLIST.table("category_translations")
    rows, rejected = agree(table, (table.column_names, data), size)
    assert [values[0] for values in rows.values()] == ["dois", "\ufefftrês", "x\ufeff"]
    assert [v.code for _, found in rejected.values() for v in found] == ["byte_order_mark"] * 2


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize("name", ["category_translations", "order_items", "customers"])
def test_repeated_header_is_rejected_as_such_for_any_columns(name: str, size: int) -> None:
    table = OLIST.table(name)
    first, *others = table.column_names
    same, turned = ",".join(table.column_names), ",".join([*others, first])
    quoted = ",".join(f'"{column}"' for column in table.column_names)
    repeated = [same, f"\ufeff{same}\r", quoted, f"\ufeff{quoted}", turned, f" {same} "]
    others = [f"x{same}", f"{same},", first]
    _, rejected = agree(table, (table.column_names, "\n".join([*repeated, *others]).encode()), size)
    found = [
        raw.decode().removesuffix("\n") for raw, v in rejected.values() if v[0].code == "repeated_header"
    ]
    assert sorted(found) == sorted(repeated)


def test_both_sides_of_a_bare_carriage_return_are_rejected_as_separate_records() -> None:
    table = OLIST.table("category_translations")
    rows, rejected = agree(
        table, (table.column_names, b'crf\rx,a\nok_3,b\r\r\n"c\rd",e\r\nf,hello\rworld\ng,h\r')
    )
    assert list(rows.values()) == [("ok_3", "b"), ("c\rd", "e"), ("g", "h")]
    assert [(raw, found[0].code) for raw, found in rejected.values()] == [
        (b"crf\r", "carriage_return"),
        (b"x,a\n", "carriage_return"),
        (b"f,hello\r", "carriage_return"),
        (b"world\n", "carriage_return"),
    ]


def test_one_of_equal_rows_without_a_key_is_loaded_for_any_spelling() -> None:
    table = OLIST.table("geolocations")
    lines = [
        "01037,-23.5,-46.6,são paulo,SP",
        ' 01037 ,-23.50,"-46.6",são paulo,sp',
        "01037,-2350e-2,-46.6,são paulo,SP",
    ]
    part = (table.column_names, "\n".join(lines).encode())
    batch, _ = by_bulk(table, part, 1 << 20)
    assert (batch.read, batch.rows, batch.deduplicated) == (3, 1, 2)
    agree(table, part)


REPEATED = (
    b"01037,-23.5,-46.6,sao paulo,SP\n",
    b"1037,-23.50,-46.6,sao paulo,SP\n",
    b"01037,-23.5,-46.6,sao paulo, sp\n",
    b'01037,-23.5,-46.6,"sao paulo",SP\n',
    b"01037,-95.0,-46.6,sao paulo,SP\n",
    b"01037,-23.5,-46.6,SP\n",
    b'01037,-23.5,-46.6,"sao\npaulo",SP\n',
    b"02000,-23.5,-46.6,rio,RJ\r\n",
    b"02000,-23.5,-46.6,rio\r",
    b"\n",
)
"""Records of geolocations: valid ones in several spellings, cleaned and rejected ones, one with a line feed, one that a CR
ends, none."""


@settings(max_examples=25)
@given(data=st.data(), size=st.integers(40, 400))
def test_records_with_the_bytes_of_earlier_ones_are_counted_as_if_each_was_read(
    data: st.DataObject, size: int
) -> None:
    table = OLIST.table("geolocations")
    some = st.sampled_from(data.draw(st.lists(st.sampled_from(REPEATED), min_size=1, max_size=4)))
    records = data.draw(st.lists(some, min_size=10, max_size=40))
    agree(table, (table.column_names, b"".join(records)), size)


def test_new_row_between_a_quoted_line_feed_and_a_bare_cr_is_loaded() -> None:
    table = OLIST.table("geolocations")
    known = [b"0103%d,-23.5,-46.6,sao paulo,SP\n" % number for number in range(4)]
    shifted = [
        known[0],
        b'01037,-23.5,-46.6,"sao\npaulo",SP\n',
        known[1],
        known[1],
        b"09999,-23.5,-46.6,rio,RJ\n",
    ]
    second = b"".join([*shifted, known[1], known[1], b"x\ry\n"])
    first = b"".join(known * 10)
    rows, _ = agree(table, (table.column_names, first + second), len(first))
    assert len(set(rows.values())) == 6


def test_every_violation_of_a_row_is_recorded() -> None:
    table = OLIST.table("order_payments")
    _, rejected = agree(table, (table.column_names, b"X,0,pix,-1,1.005\n"))
    [(_, violations)] = rejected.values()
    assert [(v.column, v.code) for v in violations] == [
        ("order_id", "string_pattern_mismatch"),
        ("payment_sequential", "greater_than_equal"),
        ("payment_type", "literal_error"),
        ("payment_installments", "greater_than_equal"),
        ("payment_value", "decimal_max_places"),
    ]


@given(
    st.lists(
        st.sampled_from(['1,rio,"a', "02,rio", '"3","x"', "x,rio", "4", "5,rio,7", '6,"b\nc"', ""]),
        max_size=9,
    ),
    st.sampled_from([None, "SP", "RJ", "sp", " SP ", "S\0", "São", "x,y"]),
)
def test_value_from_a_folder_is_validated_like_a_column_of_the_file(
    lines: list[str], value: str | None
) -> None:
    table = OLIST.table("sellers")
    key = "a" * 32
    records = [f"{key},0103{line}\n".encode() for line in lines if line and line.count('"') % 2 == 0]
    field = f'"{value}"' if value else ""
    header = ("seller_id", "seller_zip_code_prefix", "seller_city")
    outside = b"".join(records)
    inside = b"".join(record[:-1] + f",{field}\n".encode() for record in records)
    found = [
        [TableBatcher(table).batch(block) for block in blocks(data, columns, 0, 1 << 20, values)]
        for data, columns, values in (
            (outside, header, {"seller_state": value}),
            (inside, (*header, "seller_state"), None),
        )
    ]
    first, second = ([(b.read, b.rows, b.hash_total, b.cleanings) for b in batches] for batches in found)
    assert first == second
    codes = [[[v.code for v in one.violations] for b in batches for one in b.rejected] for batches in found]
    assert codes[0] == codes[1]


class Defaulted(Row, table="defaulted", file="defaulted.csv"):
    """Columns with defaults, whose texts no format or cleaning changes."""

    code: Annotated[Text, Key(), Field(max_length=9)]
    number: Annotated[Integer, Header(optional=True), Format(null=("7",))] = 7
    amount: Annotated[Money, Header(optional=True), Format(decimal=",")] = Decimal("1.5")
    word: Annotated[Text, Header(optional=True), Clean(upper=True)] = 'a "b"'
    kind: Annotated[Literal["x", "y"], Header(optional=True)] = "x"
    known: Annotated[Boolean, Header(optional=True)] = True
    day: Annotated[Date, Header(optional=True)] = date(2020, 2, 29)
    at: Annotated[Timestamp, Header(optional=True)] = datetime(2020, 1, 2, 3)  # noqa: DTZ001  no time zone
    rest: Annotated[Text, Header(optional=True)] | None = None


TEXTS = ("", " ", "7", "8,5", "x", "true", "2020-02-03", "2020-02-03 04:05:06", "zz")


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_missing_values_and_columns_have_the_default_on_both_paths(data: st.DataObject) -> None:
    module = ModuleType("shop")
    vars(module).update(Defaulted=Defaulted)
    table = read_dataset(module).table("defaulted")
    optional = data.draw(st.lists(st.sampled_from(table.column_names[1:]), unique=True))
    lines = data.draw(st.lists(st.tuples(*[st.sampled_from(TEXTS)] * len(optional)), min_size=1, max_size=9))
    text = "".join(",".join((str(n), *map(csv_field, line))) + "\n" for n, line in enumerate(lines))
    rows, _ = agree(table, (("code", *optional), text.encode()))
    if not optional:
        assert {row[1:] for row in rows.values()} == {
            ("7", "1.50", 'a "b"', "x", "t", "2020-02-29", "2020-01-02 03:00:00", None)
        }


def csv_field(text: str) -> str:
    """A field of a CSV."""
    return f'"{text}"' if "," in text else text
