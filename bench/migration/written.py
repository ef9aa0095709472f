"""The Olist CSVs as other programs write them: a European export, and JSON Lines."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from dataforge.formats.dialect import Csv
from dataforge.tables.catalogue import Source, Table
from dataforge.tables.datasets import DATASETS
from dataforge.tables.value_formats import Format

OLIST = DATASETS["olist"]
NUMBERS = ("smallint", "integer", "bigint", "numeric", "double")
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_EUROPEAN = Format(decimal=",", dates="%d/%m/%Y %H:%M:%S")


def declare_european() -> None:
    """Declare the dataset's files as a European export, in this process."""
    tables = {
        name: replace(table, columns=tuple(replace(column, format=_EUROPEAN) for column in table.columns))
        for name, table in OLIST.tables.items()
    }
    DATASETS["olist"] = replace(OLIST, tables=tables, sources=tuple(map(_european, OLIST.sources)))


def _european(source: Source) -> Source:
    headers = {column: (_header(column),) for column in source.columns}
    return replace(source, dialect=Csv(delimiter=";", encoding="cp1252"), headers=headers)


def declare_standard() -> None:
    """Declare the dataset's files as they are, in this process."""
    DATASETS["olist"] = OLIST


def _header(column: str) -> str:
    return column.replace("_", " ").capitalize()


def write_european(folder: Path, target: Path) -> None:
    """Write the CSVs with semicolons, in cp1252, with decimal commas, DD/MM/YYYY and other headers."""
    for path, table, header, rows in _files(folder, target):
        kinds = [table.by_name[name].type.name for name in header]
        with path.open("w", encoding="cp1252", errors="replace", newline="") as file:
            writer = csv.writer(file, delimiter=";", lineterminator="\n")
            writer.writerow(map(_header, header))
            writer.writerows(map(_european_value, kinds, row) for row in rows)


def _european_value(kind: str, text: str) -> str:
    if kind == "timestamp":
        return _ISO.sub(r"\3/\2/\1", text)
    return text.replace(".", ",") if kind in NUMBERS else text


def write_json_lines(folder: Path, target: Path) -> None:
    """Write the CSVs as JSON Lines, numbers as JSON numbers; an empty field is null."""
    for path, table, header, rows in _files(folder, target):
        keys = [(json.dumps(name) + ": ", table.by_name[name].type.name in NUMBERS) for name in header]
        with path.with_suffix(".jsonl").open("w", encoding="utf-8") as file:
            for row in rows:
                values = (
                    key + _json(text, number=number) for (key, number), text in zip(keys, row, strict=True)
                )
                file.write("{" + ", ".join(values) + "}\n")


def _json(text: str, *, number: bool) -> str:
    if not text:
        return "null"
    return text if number else json.dumps(text, ensure_ascii=False)


def _files(folder: Path, target: Path) -> Iterator[tuple[Path, Table, list[str], Iterator[list[str]]]]:
    target.mkdir()
    by_file = {source.file: OLIST.table(source.tables[0]) for source in OLIST.sources}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            yield target / path.name, by_file[path.name], next(rows), rows


WAYS: dict[str, tuple[Callable[[Path, Path], None] | None, Callable[[], None]]] = {
    "as it is": (None, declare_standard),
    "European export (;, cp1252, decimal comma, DD/MM/YYYY)": (write_european, declare_european),
    "JSON Lines": (write_json_lines, declare_standard),
}
"""The forms of the data, each with the functions that write and declare it."""
