"""Modules of drafts with any headers and names of files: they load, and declare the draft and nothing else."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Sequence
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dataforge
from dataforge import Csv, Format, Integer, Label
from dataforge.tables.catalogue import Dataset
from dataforge.tables.modules import read_dataset
from discovery.drafts import ColumnDraft, DatasetDraft, TableDraft, column_name, table_name
from discovery.structure.references import Reference
from discovery.structure.texts import Coverage
from discovery.types.declared import Declared
from discovery.written.module_text import module_text

HOSTILE = (
    *(
        "date",
        "Key",
        "Row",
        "class",
        "None",
        "json",
        "copy",
        "model_config",
        "model_dump_x",
        "self",
        "xmin",
        "ctid",
    ),
    *(
        'a"b',
        "a'b",
        "a\\",
        'a"""b',
        "a\nb",
        "a\r\nb",
        "{x}",
        "%s",
        "#",
        "",
        " ",
        "_",
        "__init__",
        "1st",
        "0",
        "$",
        "§",
    ),
    *(
        "Straße",
        "STRASSE",
        "ﬁeld",
        "field",
        "İd",
        "ıd",
        "日本語",
        "नाम",
        "ⅷ",
        "²",
        "½",
        "x" * 63,
        "x" * 64,
        "é" * 32,
    ),
    *(
        "Order ID",
        "order_id",
        "orderId",
        "Numbers",
        "keys",
        "rows",
        "dates",
        "labels",
        "decimals",
        "f o r m a t",
    ),
    *("\u202eabc", "a\u2028b", "import os", "x): pass", "true", "nones", "Größe (m²)", "l", "exceptions"),
)
names = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=70))
files = names.map(lambda name: re.sub(r"[/\[\]\0\r\n*?]", "-", name)[:40] + "a.csv")
TYPES = (
    Declared("Label", Label),
    Declared("Integer", Integer, (Format(null=('"""', "\\")),)),
    Declared("Integer", Integer, (Format(decimal=","),), note='"""\n\\'),
)


def _loaded(text: str) -> Dataset:
    module = ModuleType("hostile")
    sys.modules["hostile"] = module
    try:
        exec(compile(text, "hostile.py", "exec"), vars(module))  # noqa: S102
        return read_dataset(module)
    finally:
        del sys.modules["hostile"]


def _legal(texts: Sequence[str]) -> list[str]:
    legal: list[str] = []
    for text in texts:
        legal.append(column_name(text, legal))
    return legal


@st.composite
def drafts(draw: st.DrawFn) -> DatasetDraft:
    tables: list[TableDraft] = []
    for file in draw(st.lists(files, min_size=1, max_size=3, unique_by=str.casefold)):
        headers = draw(st.lists(names, min_size=2, max_size=5, unique=True))
        columns = tuple(
            ColumnDraft(header, name, draw(st.sampled_from(TYPES)), place > 0 and draw(st.booleans()))
            for place, (header, name) in enumerate(zip(headers, _legal(headers), strict=True))
        )
        name = table_name(file.removesuffix(".csv"), [table.name for table in tables])
        key = (columns[0].name,) if draw(st.booleans()) else ()
        tables.append(
            TableDraft(
                name,
                file,
                Csv(delimiter=draw(st.sampled_from([",", ";"]))),
                columns,
                key,
                rows=1,
                references=_to_itself(name, columns) if key else (),
                paths=(file,),
                notes=(draw(names),),
                unique=((columns[0].name, columns[1].name),) if draw(st.booleans()) else (),
            )
        )
    return DatasetDraft("hostile", draw(names), tuple(tables), notes=(draw(names),))


def _to_itself(table: str, columns: Sequence[ColumnDraft]) -> tuple[Reference, ...]:
    """A reference of the second column to the first, if their types agree."""
    first, second = columns[:2]
    if first.declared.kind != second.declared.kind:
        return ()
    return (Reference(table, (second.header,), table, (first.header,), 5, Coverage(2, 1, 2, 1)),)


@settings(max_examples=15, deadline=None)
@given(draft=drafts())
def test_module_declares_exactly_the_draft(draft: DatasetDraft) -> None:
    dataset = _loaded(module_text(draft))
    assert list(dataset.tables) == [table.name for table in draft.tables]
    for drafted in draft.tables:
        table = dataset.table(drafted.name)
        [source] = [source for source in dataset.sources if source.tables == (drafted.name,)]
        assert table.column_names == tuple(column.name for column in drafted.columns)
        assert (table.key, [unique.columns for unique in table.uniques]) == (drafted.key, [*drafted.unique])
        assert (source.file, source.dialect) == (drafted.file, drafted.format)
        assert [(r.parent, r.enforced) for r in table.references] == [
            (r.parent, r.enforced) for r in drafted.references
        ]
        for column, found in zip(drafted.columns, table.columns, strict=True):
            assert (found.header.names or (found.name,)) == (column.header,)
            assert found.nullable == column.nullable
            assert (found.format,) == (column.declared.markers or (None,))


@pytest.mark.parametrize(
    "words", [["Straße", "STRASSE"], ["x" * 64, "x" * 65], ["ﬁ", "fi", "FI"], ["", "_", " "]]
)
def test_names_that_become_equal_are_numbered(words: list[str]) -> None:
    legal = _legal(words)
    assert len({name.casefold() for name in legal}) == len(words)
    assert all(len(name.encode()) <= 63 for name in legal)


@given(names)
def test_name_of_a_column_is_an_identifier_that_python_leaves_unchanged(header: str) -> None:
    name = column_name(header, [])
    scope: dict[str, object] = {}
    exec(f"{name} = 1", {}, scope)  # noqa: S102
    assert list(scope) == [name]
    assert not keyword.iskeyword(name)


@pytest.mark.parametrize(
    "word", ["keys", "rows", "dates", "decimals", "literals", "annotateds", "trues", "exceptions"]
)
def test_class_has_another_name_than_the_words_of_the_module(word: str) -> None:
    columns = (ColumnDraft("id", "id", Declared("Integer", Integer), nullable=False),)
    text = module_text(DatasetDraft("d", "f", (TableDraft(word, "a.csv", Csv(), columns, ("id",), 1),)))
    [name] = re.findall(r"^class (\w+)\(Row", text, re.MULTILINE)
    assert name not in {*dataforge.__all__, "Decimal", "Literal", "Annotated", "True", "Exception"}
    assert word in _loaded(text).tables
