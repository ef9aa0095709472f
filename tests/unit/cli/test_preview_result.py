"""The result of `dataforge preview`: reasons, types of columns, and errors for files that are not tables."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from dataforge_cli.main import app
from discovery.formats.unsuitable import refuse_document, refuse_office


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_types_and_notations_of_columns_are_shown_with_words_for_null(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    rows = "".join(f"{n};{n % 28 + 1:02}.01.2024;{n}.000,50;NULL\n" for n in range(1, 40))
    file.write_text(f"id;day;total;note\n{rows}40;x\n")
    found = document(call("preview", file, "--json"))
    types = {column["name"]: column["type"] for column in found["types"]}
    assert types["id"] == "Integer"
    assert types["day"] == 'Date, Format(dates="%d.%m.%Y")'
    assert 'decimal=","' in types["total"]
    assert found["dialect"]["null"] == ["", "NULL"]
    assert found["reasons"]["null"] == "'NULL' in 1 column"
    shown = call("preview", file).stdout
    assert "the first 39 records; 1 others cannot be read" in shown.replace("\n", "")
    assert 'FORMAT = Csv(delimiter=";", null=("", "NULL"))' in shown


def test_columns_of_a_wide_file_are_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    names = [f"name{n}" for n in range(40)]
    file.write_text(
        "\n".join([",".join(names), *(",".join(str(n * m) for m in range(40)) for n in range(9))])
    )
    lines = call("preview", file).stdout.splitlines()
    assert all(any(line.strip().startswith(f"{name} ") for line in lines) for name in names)


OFFICE = "PK\x03\x04 [Content_Types].xml xl/workbook.xml"


@pytest.mark.parametrize(
    ("content", "kind", "way"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "PDF", "export"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><rows/>', "XML", "CSV"),
        (
            b"<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'/>",
            "XML spreadsheet",
            "CSV",
        ),
        (b"\n<!DOCTYPE html><html></html>", "web page", "CSV"),
        (b"<html><table><tr><td>1;2\n", "web page", "CSV"),
        (b'[{"a": 1}, {"a": 2}]', "JSON", "one object per line"),
        (b'{\n  "rows": [\n    1\n  ]\n}\n', "JSON", "one object per line"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Excel", "Save the sheet"),
        (OFFICE.encode(), "Excel", "Save the sheet"),
        (b"SQLite format 3\0" + bytes(99), "SQLite", "sqlite3"),
        (bytes(range(256)) * 8, "binary", "Export"),
        (bytes(300), "binary", "Export"),
        (b"", "empty", "header"),
    ],
)
def test_file_that_is_not_a_table_is_named_with_a_hint(
    tmp_path: Path, content: bytes, kind: str, way: str
) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    result = call("preview", file)
    assert result.exit_code == 2
    assert kind in result.stderr
    assert way in result.stderr
    assert "Hint" in result.stderr


def test_folder_and_spreadsheet_are_named(tmp_path: Path) -> None:
    assert "is a folder" in call("preview", tmp_path).stderr
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.xml", "<x/>")
    assert "Excel" in call("preview", tmp_path / "a.xlsx").stderr


def test_specified_dialect_reads_a_document_as_text(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("<?xml x\n1|2\n")
    assert call("preview", file).exit_code == 2
    assert document(call("preview", file, "--delimiter", "|", "--json"))["dialect"]["delimiter"] == "|"


def test_all_records_of_an_empty_file_are_none(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"")
    result = call("preview", file, "--all")
    assert (result.exit_code, result.stdout) == (0, "")


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"<{['), max_size=30),
        min_size=2,
    ),
    st.sampled_from(["utf-8", "utf-16", "utf-16-le", "cp1252"]),
)
def test_texts_in_columns_are_never_taken_for_something_else(cells: list[str], encoding: str) -> None:
    text = "a;b\n" + "\n".join(f"{cell};{cell}" for cell in cells)
    data = text.encode(encoding, errors="replace")
    if encoding == "utf-16-le" and not text.isascii():
        return
    refuse_office("a.csv", data)
    refuse_document("a.csv", data)
