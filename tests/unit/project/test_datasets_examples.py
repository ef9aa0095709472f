"""Examples of docs/datasets.md: every word has one, and what it states is what happens."""

from __future__ import annotations

import dataclasses
from collections import Counter
from types import ModuleType
from typing import Any

import pytest

import dataforge
from checks import datasets_page
from checks.datasets_page import Example
from dataforge.records.validate import rewrite, validate
from dataforge.tables.catalogue import Table
from dataforge.tables.modules import read_dataset

PAGE = datasets_page.text()
IMPORTS = (
    "from decimal import Decimal\nfrom typing import Annotated, Literal\nfrom pydantic import Field\n"
    f"from dataforge import {', '.join(dataforge.__all__)}\n"
)
CLASS = "class T(Row, table='t'):\n    key: Annotated[Integer, Key()]\n    x: {} | None = None\n"
TYPES, FORMATS, CLEANINGS = "texts that are read", "meaning", "change"


def module(source: str) -> ModuleType:
    """A module of this source."""
    made = ModuleType("page")
    exec(compile(source, "datasets.md", "exec", dont_inherit=True), vars(made))  # noqa: S102
    return made


def stored(kind: str, text: str) -> str:
    """The cell of the result of a text of a file for a column of this kind."""
    table: Table = read_dataset(module(IMPORTS + CLASS.format(kind))).table("t")
    record = {"key": "1"} | ({"x": text} if text else {})
    values = validate(table, rewrite(table, record, Counter()), Counter())
    if isinstance(values, list):
        return "rejected: " + ", ".join(f"`{violation.code}`" for violation in values)
    return "NULL" if values[1] is None else f"`{values[1]}`"


def declared(example: Example, before: str) -> str:
    """The annotation of an example. ``before``: the name of the column before the input."""
    if before == TYPES:
        return example.word
    if before == CLEANINGS:
        return f"Annotated[Text, Clean({example.word})]"
    return f"Annotated[{datasets_page.code(example.cells[-1])}, Format({example.word})]"


@pytest.mark.parametrize(
    ("before", "example"),
    [
        (before, example)
        for before, ending in ((TYPES, ()), (CLEANINGS, ()), (FORMATS, ("type",)))
        for example in datasets_page.examples(PAGE, before, *ending, "text", "stored")
    ],
    ids=lambda value: value.word if isinstance(value, Example) else "",
)
def test_text_of_an_example_is_stored_as_stated(before: str, example: Example) -> None:
    result = stored(declared(example, before), example.given)
    assert result.replace("\n", "\\n") == example.result, f"docs/datasets.md, line {example.line}"


CHECKED = """
class T(Row, table='t', checks=({},)):
    key: Annotated[Integer, Key()]
    started: Integer | None = None
    ended: Integer | None = None
    score: Integer | None = None
    phone: Label | None = None
    email: Label | None = None
"""


@pytest.mark.parametrize(
    "example",
    [*datasets_page.examples(PAGE, "condition", "record", "result")],
    ids=lambda example: example.word,
)
def test_record_of_an_example_meets_its_check_or_not(example: Example) -> None:
    table = read_dataset(module(IMPORTS + CHECKED.format(example.word))).table("t")
    record = {"key": "1"} | dict(item.split("=") for item in example.given.split(","))
    found = validate(table, record, Counter())
    assert example.result == ("stored" if isinstance(found, tuple) else f"rejected: `{found[0].code}`")


def test_blocks_declare_datasets() -> None:
    for block in datasets_page.blocks(PAGE):
        assert read_dataset(module(block)).tables


def test_every_word_of_the_language_has_an_example() -> None:
    assert datasets_page.missing(PAGE) == [], (
        "Describe these words in docs/datasets.md: a row of a table with an example (a text or file, and the stored value),"
        " or a line and a block of Python that uses the word. The tests run both."
    )


def test_missing_word_is_found() -> None:
    without = PAGE.replace("short_records", "brief_records").replace("Ordinal", "Rank")
    assert datasets_page.missing(without) == ["Ordinal", "Csv(short_records=…)"]
    fields: list[Any] = list(dataclasses.fields(dataforge.Csv))
    assert "short_records" in {field.name for field in fields}
