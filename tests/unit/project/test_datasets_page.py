"""The page on declaring datasets is complete, and its example is a valid dataset."""

from __future__ import annotations

import dataclasses
import re
from types import ModuleType

import dataforge
from dataforge.formats.dialect import Csv
from dataforge.tables.cleaning import Clean
from dataforge.tables.modules import read_dataset
from dataforge.tables.value_formats import Format
from local.config import ROOT

PAGE = (ROOT / "docs" / "datasets.md").read_text()


def test_example_declares_a_dataset() -> None:
    code, *_ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    module = ModuleType("shop")
    exec(compile(code, "datasets.md", "exec", dont_inherit=True), vars(module))  # noqa: S102
    dataset = read_dataset(module)
    assert {c.name: (c.type.sql, c.header.names) for c in dataset.table("invoices").columns}["total"] == (
        "numeric(12,2)",
        ("Betrag (€)",),
    )
    assert dataset.sources[0].dialect.delimiter == ";"


def test_every_option_of_dialects_and_formats_is_described() -> None:
    for options in (Csv, Format, Clean):
        missing = (
            {f.name for f in dataclasses.fields(options)}
            - {"whole"}
            - {*re.findall(r"\b([a-z0-9_]+)=", PAGE)}
        )
        assert not missing


def test_every_exported_name_can_be_imported() -> None:
    for name in dataforge.__all__:
        assert getattr(dataforge, name) is not None
    assert {*dataforge.__all__} <= {*dir(dataforge)}
