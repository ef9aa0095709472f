"""Files of JSON Lines are migrated like CSVs: a line is a record, whose values are typed as in the API."""

from __future__ import annotations

import gzip
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from dataforge.errors import NotJsonLines
from dataforge.formats.json_lines import JsonLines
from dataforge.tables.columns import Boolean, Date, Header, Integer, Json, Key, Name, Text, TimestampTz
from dataforge.tables.row import Row
from dataforge.tables.types.arrays import Array
from dataforge.tables.types.numbers import INTEGER, Numeric
from dataforge.tables.value_formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres.migrate.conftest import Forge


class Event(Row, table="events", file="events.csv"):
    """An event."""

    number: Annotated[Integer, Key(), Header("Event No.")]
    title: Name
    amount: Annotated[Decimal, Numeric()] | None = None
    open: Boolean | None = None
    tags: Annotated[tuple[int, ...], Array(INTEGER)] | None = None
    details: Json | None = None
    note: Text | None = None
    tries: Integer = 3
    ended: Annotated[TimestampTz, Format(epoch="ms", null=("-1",))] | None = None
    day: Annotated[Date, Format(dates="%d.%m.%Y")] | None = None


class Other(Row, table="others", file="others.txt", format=JsonLines()):
    """A table whose file has another extension."""

    id: Annotated[Integer, Key()]


@pytest.fixture
def declared(declare: Callable[..., Forge]) -> Callable[..., Forge]:
    """Make a module of these row models a dataset ``shop`` of the database."""
    return lambda *models: declare("shop", **{model.__name__: model for model in models})


@pytest.fixture
def shop(declared: Callable[..., Forge]) -> Forge:
    """A database with the table ``events``."""
    return declared(Event)


def put(forge: Forge, name: str, *lines: str | bytes) -> None:
    body = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    forge.s3.put_object(Bucket="raw", Key=f"shop/{name}", Body=body)


def migrate(forge: Forge, **document: Any) -> dict[str, int]:
    return forge.migrate(dataset="shop", quality_threshold=0, **document)["events"]


def test_values_are_typed_and_missing_keys_are_null(shop: Forge) -> None:
    put(
        shop,
        "events.jsonl",
        '{"Event No.": 1, "title": " a ", "amount": 0.1000000000000000055511151231257827, "open": true, '
        '"tags": [1, 2], "details": {"b": 1.10, "a": null}, "note": "", '
        '"ended": 1580428800123, "day": "31.01.2020"}',
        '{"title": "\\u00e9\\n", "Event No.": 2, "note": null, "amount": 123456789012345678901234567890, '
        '"tries": null, "ended": -1}',
    )
    assert migrate(shop)["loaded"] == 2
    assert shop.rows("events", "shop") == [
        '(1,a,0.1000000000000000055511151231257827,t,"{1,2}","{""a"": null, ""b"": 1.10}","",3,'
        '"2020-01-31 00:00:00.123+00",2020-01-31)',
        "(2,é,123456789012345678901234567890,,,,,3,,)",
    ]
    assert migrate(shop)["unchanged"] == 2


def test_malformed_lines_are_rejected_with_line_offset_and_text(shop: Forge) -> None:
    lines = [
        '\ufeff{"Event No.": 1, "title": "a"}\r',
        "",
        " \t\r",
        '{"Event No.": 2, "title": "b", "title": "c"}',
        "[1, 2]",
        '{"Event No.": NaN, "title": "b"}',
        '\ufeff{"Event No.": 5, "title": "b"}',
        '{"Event No.": 6, "title": "b"} {}',
        '{"number": 7, "title": "b"}',
        '{"Event No.": 8, "title": "b", "wrong": 1}',
        '{"Event No.": "9"}',
        '{"Event No.": 10.5, "title": 7}',
    ]
    put(shop, "events.ndjson", *lines, b'{"title": "\xff"}', '{"\\u0000\\ud800": 1}')
    counts = migrate(shop)
    assert (counts["read"], counts["loaded"], counts["rejected"]) == (12, 1, 11)
    found = {line: (codes, raw) for line, codes, raw in shop.rejections("line", "codes", "raw")}
    assert {line: codes for line, (codes, _) in found.items()} == {
        4: "json_invalid",
        5: "dict_type",
        6: "json_invalid",
        7: "byte_order_mark",
        8: "json_invalid",
        9: "unknown_column",
        10: "unknown_column",
        11: "missing",
        12: "int_from_float string_type",
        13: "string_unicode",
        14: "unknown_column",
    }
    assert found[8][1] == lines[7]
    assert found[13][1] == '{"title": "\\xff"}'
    offsets = dict(shop.rejections("line", "offset"))
    assert offsets[5] == len("\n".join(lines[:4]).encode()) + 1


def test_chunks_begin_and_end_at_lines(shop: Forge) -> None:
    lines = [f'{{"Event No.": {n}, "title": "{"x" * (n % 50)}."}}' for n in range(300)]
    put(shop, "events.jsonl", *lines[:150], "", '{"Event No.": 7, "title": "other"}', *lines[150:])
    counts = shop.migrate(dataset="shop", chunk_bytes=700, quality_threshold=0)["events"]
    assert (counts["read"], counts["loaded"], counts["rejected"]) == (301, 300, 1)
    assert shop.rejections("line", "codes", "raw") == [
        (152, "conflict", '{"Event No.": 7, "title": "other"}')
    ]


def test_rejection_is_replayed_as_line_and_as_correction(shop: Forge) -> None:
    put(shop, "events.jsonl", '{"Event No.": 1, "title": "a"}', '{"Event No.": 2, "title": ""}')
    migrate(shop)
    ((run, number),) = shop.rejections("migration_id", "id")
    again = migrate(shop, replay={"migration_id": run})
    assert (again["read"], again["rejected"]) == (1, 1)
    fixed = f'{{"id": {number}, "raw": {{"number": 2, "title": "b"}}}}'
    shop.s3.put_object(Bucket="raw", Key="fixes/a.jsonl", Body=fixed.encode())
    assert migrate(shop, replay={"migration_id": run}, prefix="fixes/")["loaded"] == 1
    assert "(2,b,,,,,,3,,)" in shop.rows("events", "shop")


def test_parts_of_several_formats_are_one_table(shop: Forge) -> None:
    put(shop, "events_1.jsonl", '{"Event No.": 1, "title": "a"}')
    shop.s3.put_object(
        Bucket="raw", Key="shop/events_2.jsonl.gz", Body=gzip.compress(b'{"Event No.": 2, "title": "b"}')
    )
    put(shop, "events.csv", "Event No.,title,amount,open,tags,details,note,tries,ended,day", "3,c,,,,,,,,")
    put(shop, "events/4.ndjson", '{"Event No.": 4, "title": "d"}')
    put(shop, "note=x/events_5.jsonl", '{"Event No.": 5, "title": "e"}', '{"Event No.": 6, "note": "y"}')
    assert migrate(shop)["loaded"] == 5
    assert "(5,e,,,,,x,3,,)" in shop.rows("events", "shop")
    assert shop.rejections("line", "codes") == [(2, "unknown_column")]


def test_declared_json_lines_may_have_another_extension(declared: Callable[..., Forge]) -> None:
    shop = declared(Event, Other)
    put(shop, "others.txt", '{"id": 1}')
    put(shop, "events.jsonl")
    counts = shop.migrate(dataset="shop")
    assert (counts["others"]["loaded"], counts["events"]["read"]) == (1, 0)


def test_file_without_objects_is_refused(shop: Forge) -> None:
    put(shop, "events.jsonl", "[", ' {"Event No.": 1}', "]")
    with pytest.raises(NotJsonLines, match="it may be one JSON array"):
        migrate(shop)
