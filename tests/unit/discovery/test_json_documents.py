"""JSON that is not JSON Lines is named with the command that makes a table of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from discovery.folders.folder import take_inventory
from discovery.folders.folder_store import objects_of, store_of
from tests.unit.discovery.folders import json_lines, write

ROWS = [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]
ALL, BOTH = ["a.jsonl"], ["a_one.jsonl", "a_two.jsonl"]
DOCUMENTS: list[tuple[str, Any, str, list[str]]] = [
    ("a.json", ROWS, "jq -c '.[]' a.json > a.jsonl", ALL),
    ("a.json", {"data": ROWS}, "jq -c '.data[]' a.json > a.jsonl", ALL),
    ("a.json", {"meta": {"n": 2}, "results": ROWS}, "jq -c '.results[]' a.json > a.jsonl", ALL),
    ("a.json", {"my rows": ROWS}, "jq -c '.[\"my rows\"][]' a.json > a.jsonl", ALL),
    ("a.json", {"one": ROWS, "two": ROWS}, "jq -c '.two[]' a.json > a_two.jsonl", BOTH),
    ("a.json", {"x": {"v": 1}, "y": {"v": 2}}, "jq -c 'to_entries[] | {key} + .value' a.json > a.jsonl", ALL),
    ("a.json", {"id": {"0": 1, "1": 2}, "v": {"0": "a", "1": "b"}}, "group_by", ALL),
    ("a.geojson", {"type": "FeatureCollection", "features": ROWS}, "'.features[]'", ALL),
    ("a.jsonl", ROWS, "jq -c '.[]' a.jsonl > a_rows.jsonl", ["a_rows.jsonl"]),
    ("a.json", [["id", "v"], [1, "b,c"]], "jq -r '.[] | @csv' a.json > a.csv", ["a.csv"]),
]


@pytest.mark.parametrize("indent", [None, 1], ids=["one line", "lines"])
@pytest.mark.parametrize(("name", "document", "command", "made"), DOCUMENTS)
def test_document_is_named_with_a_command_that_makes_tables(
    tmp_path: Path, name: str, document: Any, command: str, made: list[str], indent: int | None
) -> None:
    write(tmp_path, {name: json.dumps(document, indent=indent)})
    found = take_inventory(store_of(tmp_path), list(objects_of(tmp_path)), lambda _: None)
    assert found.tables == ()
    [(_, reason)] = found.unread
    assert command in reason
    if shutil.which("jq") is None:
        return
    for part in reason.split(" and Write"):
        subprocess.run(part[part.index("jq ") :], shell=True, cwd=tmp_path, check=True)  # noqa: S602  our own command
    (tmp_path / name).unlink()
    found = take_inventory(store_of(tmp_path), list(objects_of(tmp_path)), lambda _: None)
    assert sorted(m.place.name for table in found.tables for m in table.members) == made


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", json_lines(*ROWS)),
        ("a.json", json_lines({"id": 1, "items": ROWS})),
        ("a.json", json_lines({"a": 1, "b": "x"})),
        ("a.jsonl", json_lines({"data": ROWS})),
        ("a.json", json_lines({"data": ROWS}, {"data": ROWS})),
    ],
)
def test_object_that_is_a_record_is_read(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {name: text})
    found = take_inventory(store_of(tmp_path), list(objects_of(tmp_path)), lambda _: None)
    assert found.unread == ()
