"""Lines of JSON are validated by columns with the result of validating them one by one, for any bytes."""

from __future__ import annotations

import json
import math
import os
from decimal import Decimal
from functools import cache
from random import Random
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticKnownError

from dataforge import (
    BigInt,
    Boolean,
    Clean,
    Count,
    Date,
    Double,
    Format,
    HexId,
    Integer,
    Interval,
    Label,
    Money,
    Row,
    Text,
    Timestamp,
)
from dataforge.bulk.blocks import TableBatcher
from dataforge.formats.csv_stream import BufferedRecords
from dataforge.formats.json_boundaries import line_ends
from dataforge.formats.json_columns import read_columns
from dataforge.tables.columns import Header
from dataforge.tables.modules import read_dataset
from dataforge.tables.types.floats import REAL
from dataforge.tables.types.numbers import Numeric
from dataforge.tables.types.text import Text as VarChar
from functions.migrate.run.reading.json_lines import validate_by_columns, validate_by_record
from functions.migrate.run.work_items import LoadItem
from tests.conftest import STRANGE, USUAL
from tests.postgres.test_types import CASES
from tests.unit.records.test_block import read_copy

if TYPE_CHECKING:
    from dataforge.tables.catalogue import Dataset
    from dataforge.tables.types.base import ColumnType
    from functions.migrate.run.reading.validated_records import ValidatedRecords

WORDS: list[Any] = [
    *(Text, Label, HexId, Integer, Count, Money, Double, Timestamp, Boolean),
    Annotated[Label, Clean(upper=True, collapse=True)],
    Annotated[Text, Clean(pad="0", width=5)],
    Literal["a", "1"],
    Literal[1, 7],
    Annotated[Timestamp, Format(epoch="ms", null=("-1", "1"))],
    Annotated[Date, Format(dates="%d.%m.%Y", null=("7",))],
    Annotated[Interval, Format(epoch="s")],
    Annotated[Boolean, Format(true=("7", "ja"), false=("0",))],
    Annotated[Money, Format(decimal=",", null=("7", "1.50"))],
    Annotated[Double, Format(decimal=",", thousands=".")],
    Annotated[Integer, Format(null=("7",))],
    Annotated[Text, Format(null=("7", ""))],
]
TYPES = [*WORDS, *(Annotated[case.kind.python, case.kind] for case in CASES)]
SCALARS = """7 -0 0 1.50 -23.5 1e2 1E400 1e999999999 01 +1 .5 1. 00 0.00 12.30 NaN Infinity - true false nul null
 9223372036854775808 1514764800000 123456789012345678901234567890.5
    {} [] [1,null] ["a","b"] [{"a":1},{"b":[]}] {"a":{"b":1,"c":2}}
 {"a":1,"a":2} {"value":1}
    "{}" "[]" "\\u00e9" "\\ud83d\\ude00" "\\ud800" "\\u0000" "\\x" "\\" "\\\\" "\\"" "a\\nb" "a\\"b\\"" """
LITERALS = [
    *SCALARS.split(),
    '"a',
    'a"',
    '"a" "b"',
    '"a", "b"',
    ' "a"',
    "7 ",
    " null ",
    "",
    '", "must": "',
    '{"a": "}"}',
]
USUAL_TEXTS = [
    *" ".join(USUAL.values()).split(),
    "2018-01-31 10:20:30",
    "31.01.2018",
    "1.234,5",
    "12,50",
    "ja",
    "10:20:30",
]
VALUES = [
    *LITERALS,
    *USUAL_TEXTS,
    *(json.dumps(text, ensure_ascii=n % 2 == 0) for n, text in enumerate([*USUAL_TEXTS, *STRANGE])),
]
KEYS = ['"value"', '"must"', '"x"', '"y"', '"\\u006e"', '"N"', '"a.b"', '""', '"\\x"', '"\\u0078"', '"n"']
LINES = ["{}", "", " ", "[]", "7", '{"n": 1', '"n": 1}', '{"n": 1}}', '{,"n": 1}', '{"n": 1,}', "\ufeff{}"]
MARKS = (
    ["{", "{", "{ ", " {"],
    [": ", ":", ":", " : ", ":\t", "  "],
    [", ", ",", ",", " ,", ",,", ",  "],
    ["}", "}", "}\r", " }", "} ", "} 7", "]"],
)


def _declared(number: int, kind: Any) -> type[Row]:
    """A table with a column of this type that may be NULL, and one that must not, beside its key."""
    fields: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": "A table.",
        "__annotations__": {
            "n": Annotated[BigInt, Header("n", "N")],
            "value": kind | None,
            "must": kind,
            "x": Integer,
        },
        "value": None,
        "x": 3,
    }
    return type(f"Table{number}", (Row,), fields, table=f"t{number}", file=f"t{number}.jsonl", ignore=("y",))


def _dataset() -> Dataset:
    module = ModuleType("json_kinds")
    vars(module).update({f"Table{number}": _declared(number, kind) for number, kind in enumerate(TYPES)})
    return read_dataset(module)


DATASET = _dataset()
CASE_OF = {f"t{number}": case for number, case in enumerate(CASES, len(WORDS))}


def results(
    name: str, data: bytes, folders: dict[str, str | None]
) -> tuple[ValidatedRecords, ValidatedRecords]:
    """The results by columns and by record."""
    source = next(source for source in DATASET.sources if source.tables == (name,))
    known: dict[str, Any] = {
        "migration_id": "20261128T000000Z-00000000",
        "key": "t.jsonl",
        "tables": (name,),
        "header": tuple(column for column in source.columns if column not in folders),
        "folder_values": folders,
        "file_number": 7,
    }
    item = LoadItem.model_construct(**known)
    block, table = BufferedRecords(data, 5, 3), DATASET.table(name)
    [one] = validate_by_record(item, source, {name: table}, block)
    return validate_by_columns(item, source, TableBatcher(table), block), one


def agree(found: ValidatedRecords, expected: ValidatedRecords) -> None:
    assert found.rejected == expected.rejected
    assert found.batch.cleanings == expected.batch.cleanings
    assert found.batch.hash_total == expected.batch.hash_total
    assert (found.batch.read, found.batch.rows) == (expected.batch.read, expected.batch.rows)
    assert read_copy(b"".join(found.batch.lines)) == read_copy(b"".join(expected.batch.lines))


@cache
def valid_values(name: str) -> list[str]:
    """The literals among ``VALUES`` that the table's columns accept."""
    lines = [f'{{"n":1,"must":{value}}}\n' for value in VALUES]
    _, one = results(name, "".join(lines).encode(errors="replace"), {})
    wrong = {line.line for line in one.rejected}
    return [value for line, value in enumerate(VALUES, 3) if line not in wrong]


def lines(random: Random, name: str, written: list[str]) -> bytes:
    """Lines that differ in few things, as exporters write them, and some damaged ones."""
    valid = [*valid_values(name), *written, json.dumps(DATASET.table(name).by_name["must"].type.sample())]

    def value(key: str) -> str:
        pool = valid if key in ('"value"', '"must"') and random.random() < 0.9 else VALUES
        return random.choice(["7", "null", "0"]) if key in ('"x"', '"y"') else random.choice(pool)

    def line(number: int) -> str:
        if random.random() < 0.05:
            return random.choice(LINES)
        begin, colon, comma, end = marks if random.random() < 0.9 else map(random.choice, MARKS)
        others = random.choices(KEYS, k=random.randint(0, 3)) if random.random() < 0.2 else keys
        members = [key + colon + value(key) for key in others if random.random() < 0.9]
        return begin + comma.join([f'"n"{colon}{number}', *members]) + end

    marks = tuple(map(random.choice, MARKS)) if random.random() < 0.3 else ("{", ": ", ", ", "}")
    keys = random.sample(['"value"', '"must"', '"x"', '"y"'], 4)
    text = "\n".join(map(line, range(random.randint(1, 20)))) + random.choice(["\n", ""])
    data = text.encode(errors="surrogatepass")
    for _ in range(random.choice([0, 0, 0, 1, 2])):
        at = random.randint(0, len(data))
        data = data[:at] + random.choice(DAMAGE) + data[at:]
    return data or b"\n"


DAMAGE = [b'"', b"\\", b"{", b"}", b",", b"\xff", b"\0", b"\t"]
FOLDERS = st.sampled_from([{}, {}, {"x": "7"}, {"x": None}, {"value": "7"}, {"must": "a\0"}])


@settings(
    max_examples=int(os.environ.get("EXAMPLES", "25")),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data(), random=st.randoms(use_true_random=True), folders=FOLDERS)
def test_columns_of_any_type_equal_the_records(
    data: st.DataObject, random: Random, folders: dict[str, str | None]
) -> None:
    name = data.draw(st.sampled_from(sorted(DATASET.tables)))
    written = (
        []
        if name not in CASE_OF
        else data.draw(st.lists(CASE_OF[name].values.map(CASE_OF[name].kind.text), max_size=3))
    )
    body = lines(random, name, [*map(json.dumps, written), *(text for text in written if text)])
    agree(*results(name, body, folders))


def test_lines_with_omitted_keys_and_other_orders_are_read_by_columns() -> None:
    source = DATASET.sources[0]
    data = b"""{"n":1,"must":"a\\n","value":null}
{"must": "b", "n": 2}\r
{ "n": 3, "must" : "c"}
{"n": 4, "must": {"a": {"b": "}"}, "n": 5}, "y": [{"n": 1}]}
{"n": 6, "other": 1}
{"n": 7, "n": 7}
{"n": 8, "must": "d"}"""
    read = read_columns(data, line_ends(data), source.names, source.columns)
    assert read.lines.tolist() == [0, 1, 2, 3, 6]
    assert read.columns["n"].texts.to_pylist() == ["1", "2", "3", "4", "8"]
    assert read.columns["must"].texts.to_pylist() == ["a\n", "b", "c", '{"a": {"b": "}"}, "n": 5}', "d"]
    assert read.columns["must"].typed.tolist() == [False, False, False, True, False]
    assert read.columns["value"].texts.null_count == 5


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Numeric(), Decimal("1e999999999")),
        (Numeric(10, 2), Decimal("-1e-999999999999")),
        (REAL, Decimal("1e999999999")),
        (VarChar(20), "\ud800"),
    ],
)
def test_value_that_no_type_can_store_is_refused(kind: ColumnType, value: Any) -> None:
    with pytest.raises(PydanticKnownError):
        kind.parse(value)


def test_number_nearest_to_zero_is_zero_without_writing_it_out() -> None:
    assert REAL.parse(Decimal("1e-999999999")) == 0
    assert math.copysign(1, REAL.parse("-1e-99999")) == -1
    assert Format(epoch="s").rewrite("timestamp", "1e99999") == "1e99999"
