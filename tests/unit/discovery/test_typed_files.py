"""JSON Lines and Parquet: types come from the kinds of values and from the schema."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.unit.discovery.folders import archive, drafted, json_lines, parquet


def test_keys_of_nested_objects_are_columns(tmp_path: Path) -> None:
    documents = [
        {"id": n, "at": {"city": f"x{n}", "geo": {"lat": n + 0.5}}, **({"note": "v"} if n % 3 else {})}
        for n in range(1, 10)
    ]
    found = drafted(tmp_path, {"a.jsonl": json_lines(*documents)})
    headers = {column.header: column.nullable for column in found.tables["a"].columns}
    assert headers == {"id": False, "at.city": False, "at.geo.lat": False, "note": True}
    assert found.results["a"].loaded == 9


KEYS = {
    "name": (['"a"', '"b"'], "text"),
    "count": (["1", "2"], "integer"),
    "large": (["5000000000", "2"], "bigint"),
    "day_number": (["20240131", "20240201"], "integer"),
    "valid": (["true", "false"], "boolean"),
    "is_flag": (["0", "1"], "integer"),
    "tags": (['["a"]', "[]"], "array"),
    "mixed": (["[1]", '["a"]'], "jsonb"),
    "parts": (['{"a": [1]}', "[2]"], "jsonb"),
    "empty": (["{}", "{}"], "jsonb"),
    "digits": (['"007"', '"12"'], "text"),
    "day": (['"2024-01-31"', '"2024-02-01"'], "date"),
    "nothing": (["null", "null"], "text?"),
}


def test_type_of_a_key_takes_its_values(tmp_path: Path) -> None:
    lines = (", ".join(f'"{key}": {values[n % 2]}' for key, (values, _) in KEYS.items()) for n in range(10))
    found = drafted(tmp_path, {"a.jsonl": "".join(f"{{{line}}}\n" for line in lines)})
    assert found.kinds("a") == {key: kind for key, (_, kind) in KEYS.items()}
    assert found.results["a"].loaded == 10


def test_values_that_are_strings_and_numbers_are_texts_with_a_note(tmp_path: Path) -> None:
    lines = json_lines(*({"id": n, "code": n if n == 5 else f"x{n}"} for n in range(1, 10)))
    found = drafted(tmp_path, {"a.jsonl": lines})
    assert found.kinds("a") == {"id": "integer", "code": "text"}
    assert found.results["a"].loaded == 8
    assert "|= tostring" in found.tables["a"].columns[1].declared.note


def test_object_of_many_keys_is_one_column(tmp_path: Path) -> None:
    documents = [{"id": n, "by_day": {f"d{n}-{m}": m for m in range(20)}} for n in range(9)]
    found = drafted(tmp_path, {"a.jsonl": json_lines(*documents)})
    assert found.kinds("a") == {"id": "integer", "by_day": "jsonb"}
    assert found.results["a"].loaded == 9


def test_documents_over_several_lines_and_arrays_are_named(tmp_path: Path) -> None:
    files = {"conf.json": '{\n "a": 1\n}\n', "all.json": '[{"a":1},{"a":2}]', "ok.json": json_lines({"x": 1})}
    found = drafted(tmp_path, files)
    assert found.files == {"ok": ("ok.json", 1)}
    assert found.unread.keys() == {"conf.json", "all.json"}
    assert "jq" in found.unread["all.json"]


def test_parquet_under_another_name_is_named_with_a_hint(tmp_path: Path) -> None:
    content = parquet(pa.table({"id": [1]}))
    files: dict[str, str | bytes] = {
        **dict.fromkeys(("a", "b.pq", "c.PARQUET", "d.csv"), content),
        "e.parquet.gz": gzip.compress(content),
        "f.zip": archive({"f.parquet": content}),
        "ok.csv": "id\n1\n",
    }
    found = drafted(tmp_path, files)
    hints = ["a.parquet", "b.parquet", "c.parquet", "d.parquet", "Decompress the file", "Unpack the archive"]
    assert found.files.keys() == {"ok"}
    assert all(
        found.unread[key].endswith(f"{hint}.") for key, hint in zip(sorted(found.unread), hints, strict=True)
    )


def test_parts_may_have_other_keys(tmp_path: Path) -> None:
    files = {
        "e/2024-01.jsonl": json_lines({"id": 1, "a": 1}),
        "e/2024-02.jsonl": json_lines({"id": 2, "a": 1, "b": "x"}),
    }
    found = drafted(tmp_path, files)
    assert found.kinds("e") == {"id": "integer", "a": "integer", "b": "text?"}
    assert found.results["e"].loaded == 2


def test_types_of_parquet_are_those_of_the_schema(tmp_path: Path) -> None:
    noon = dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC).replace(tzinfo=None)
    columns = {
        "id": pa.array([1, 2], pa.int64()),
        "small": pa.array([1, 2], pa.int16()),
        "zip": ["01", "02"],
        "digits": ["12", "13"],
        "weight": [0.5, float("nan")],
        "day": [noon.date(), None],
        "at": pa.array([noon, noon], pa.timestamp("us", tz="UTC")),
        "local": pa.array([noon, noon], pa.timestamp("us")),
        "amount": pa.array([Decimal("1.25"), Decimal("2.50")], pa.decimal128(9, 2)),
        "ok": [True, None],
        "nothing": pa.nulls(2),
        "tags": [["a"], ["b"]],
    }
    found = drafted(tmp_path, {"t.parquet": parquet(pa.table(columns))})
    assert found.kinds("t") == {
        "id": "bigint",
        "small": "smallint",
        "zip": "text",
        "digits": "text",
        "weight": "double?",
        "day": "date?",
        "at": "timestamptz",
        "local": "timestamp",
        "amount": "numeric",
        "ok": "boolean?",
        "nothing": "text?",
        "tags": "array",
    }
    assert found.results["t"].loaded == 2


TYPES: list[tuple[pa.Array, str, str]] = [
    (pa.array([dt.time(7, 30), None]), "time?", "Time"),
    (pa.array([b"\xff", b""]), "bytea", "Bytes"),
    (pa.array([b"ab", b"cd"], pa.binary(2)), "bytea", "Bytes"),
    (pa.array([dt.timedelta(hours=30), None]), "interval?", "Interval"),
    (
        pa.array([Decimal("1E-38"), None], pa.decimal256(76, 38)),
        "numeric?",
        "Annotated[Decimal, Numeric(76, 38)]",
    ),
    (pa.array(["a", "b"]).dictionary_encode(), "text", ""),
    (pa.array([1, 2]).dictionary_encode(), "bigint", "BigInt"),
    (pa.array([[1], [None]]), "array", "Annotated[tuple, ArrayOf(BIGINT)]"),
    (pa.array([[0.5], []], pa.list_(pa.float32())), "array", "Annotated[tuple, ArrayOf(REAL)]"),
    (pa.array([[Decimal("1.25")], None]), "array?", "Annotated[tuple, ArrayOf(Numeric(3, 2))]"),
    (pa.array([[0], None], pa.list_(pa.timestamp("us"))), "array?", "Annotated[tuple, ArrayOf(TIMESTAMP)]"),
    (pa.array([[b"a"], None]), "array?", "Annotated[tuple, ArrayOf(BYTEA)]"),
    (pa.array([[dt.time(1)], [dt.time(2)]]), "array", "Annotated[tuple, ArrayOf(TIME)]"),
    (pa.array([[[1]], [[]]]), "jsonb", "Json"),
    (pa.array([{"a": 1}, {"a": None}]), "jsonb", "Json"),
    (pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int8())), "jsonb", "Json"),
    (pa.array([10**9 + 1, 7], pa.timestamp("ns")), "text", "Name"),
    (pa.array([10**9, 7], pa.timestamp("ns", "UTC")), "timestamptz", "TimestampTz"),
]


def test_each_type_of_parquet_is_declared_and_loads(tmp_path: Path) -> None:
    table = pa.table({f"c{n}": column for n, (column, *_) in enumerate(TYPES)})
    found = drafted(tmp_path, {"t.parquet": parquet(table)})
    assert found.kinds("t") == {f"c{n}": kind for n, (_, kind, _) in enumerate(TYPES)}
    sources = [column.declared.source for column in found.tables["t"].columns]
    assert sources == [wanted or source for source, (*_, wanted) in zip(sources, TYPES, strict=True)]
    # The last column has a moment between two microseconds.
    assert found.results["t"].loaded == 1
    assert found.tables["t"].ignored == ()


def test_column_that_cannot_be_read_is_named_with_its_type(tmp_path: Path) -> None:
    sink = io.BytesIO()
    moments = pa.array([[0]]).cast(pa.list_(pa.timestamp("us")))
    pq.write_table(pa.table({"id": [1], "seen": moments}), sink, use_deprecated_int96_timestamps=True)
    found = drafted(tmp_path, {"t.parquet": sink.getvalue()})
    assert found.kinds("t") == {"id": "bigint"}
    assert found.tables["t"].ignored == ("seen",)
    assert any("seen (list<element: timestamp[s]>)" in note for note in found.tables["t"].notes)
    assert found.results["t"].loaded == 1


def test_whole_numbers_with_missing_values_are_integers(tmp_path: Path) -> None:
    columns = {
        "id": pa.array([1, 2, 3]),
        "parent": pa.array([None, 1.0, 2.0]),
        "count": pa.array([float("nan"), 1.0, 2.0]),
        "rate": pa.array([1.0, 2.0, 3.0]),
        "weight": pa.array([None, 1.0, 2.5]),
    }
    found = drafted(tmp_path, {"t.parquet": parquet(pa.table(columns))})
    assert found.kinds("t") == {
        "id": "bigint",
        "parent": "integer?",
        "count": "integer?",
        "rate": "double",
        "weight": "double?",
    }
    assert found.results["t"].loaded == 3


def test_strings_of_a_parquet_file_without_other_types_are_values_of_any_type(tmp_path: Path) -> None:
    found = drafted(
        tmp_path, {"t.parquet": parquet(pa.table({"n": ["1", "2"], "day": ["2024-01-01", "2024-01-02"]}))}
    )
    assert found.kinds("t") == {"n": "integer", "day": "date"}


def test_parts_with_other_integers_have_the_wider_type(tmp_path: Path) -> None:
    parts = {
        f"p_{year}.parquet": parquet(pa.table({"id": pa.array([year], kind)}))
        for year, kind in ((2023, pa.int16()), (2024, pa.int64()))
    }
    found = drafted(tmp_path, parts)
    assert found.kinds("p") == {"id": "bigint"}
    assert found.results["p"].loaded == 2


def test_keys_that_are_equal_in_another_case_or_as_paths_are_columns(tmp_path: Path) -> None:
    found = drafted(
        tmp_path,
        {
            "case.jsonl": json_lines(*({"Id": n, "id": f"x{n}"} for n in range(4))),
            "path.jsonl": json_lines(*({"a.b": n, "a": {"b": 5, "c": 6}} for n in range(4))),
            "case.parquet": parquet(pa.table([pa.array([1, 2]), pa.array([3, 4])], names=["K", "k"])),
            "none.jsonl": "{}\n{}\n",
        },
    )
    assert sorted((tuple(c.name for c in t.columns), t.rows) for t in found.draft.tables) == [
        (("a_b", "a"), 4),
        (("id", "id_2"), 4),
        (("k", "k_2"), 2),
    ]
    assert {result.rejected for result in found.results.values()} == {0}
    assert found.unread == {"none.jsonl": "its records have no keys"}
