"""A declared dataset, described for other tools beside its files, and drafted from both: the same dataset."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType, new_class
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from dataforge import (
    INTEGER,
    TEXT,
    ArrayOf,
    BigInt,
    Boolean,
    Bytes,
    Csv,
    Date,
    Double,
    Format,
    Header,
    Integer,
    Interval,
    Json,
    Key,
    Label,
    Name,
    Numeric,
    Real,
    References,
    Row,
    SmallInt,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Unique,
    Uuid,
    VarChar,
)
from dataforge.tables.catalogue import Dataset
from dataforge.tables.modules import read_dataset
from discovery.describe.data_package import data_package
from discovery.describe.sql import script
from discovery.drafts import DatasetDraft
from tests.unit.discovery.described.conftest import draft_folder


@dataclass(frozen=True)
class Kind:
    """A type of columns, and the text of its value in the row of a number."""

    type: Any
    text: Callable[[int], str]


def day(n: int) -> date:
    return date(2001, 1, 1) + timedelta(days=n)


KINDS = (
    Kind(SmallInt, lambda n: str(n % 7)),
    Kind(Integer, str),
    Kind(BigInt, str),
    Kind(Annotated[Integer, Field(ge=0, le=5000)], str),
    Kind(Annotated[Decimal, Numeric(10, 2)], lambda n: f"{n}.50"),
    Kind(
        Annotated[Decimal, Numeric(10, 2), Format(decimal=",", thousands=".")], lambda n: f"1.{n + 100:03d},5"
    ),
    Kind(Annotated[Decimal, Numeric()], lambda n: f"{n}.{n}5"),
    Kind(Double, lambda n: f"{n}.25"),
    Kind(Real, lambda n: f"{n}.25"),
    Kind(Boolean, lambda n: "true" if n % 2 else "false"),
    Kind(Annotated[Boolean, Format(true=("Ja",), false=("Nein",))], lambda n: "Ja" if n % 2 else "Nein"),
    Kind(Date, lambda n: day(n).isoformat()),
    Kind(Annotated[Date, Format(dates="%d.%m.%Y")], lambda n: day(n).strftime("%d.%m.%Y")),
    Kind(Time, lambda n: f"{n % 24:02d}:30:00"),
    Kind(Timestamp, lambda n: f"{day(n)} 10:00:00"),
    Kind(TimestampTz, lambda n: f"{day(n)}T10:00:00Z"),
    Kind(Interval, lambda n: f"{n}:10:00"),
    Kind(Uuid, lambda n: f"a0eebc99-9c0b-4ef8-bb6d-{n:012x}"),
    Kind(Json, lambda n: json.dumps({"n": n})),
    Kind(Bytes, lambda n: f"{n:04x}"),
    Kind(Annotated[tuple, ArrayOf(INTEGER)], lambda n: f"{{{n},2}}"),
    Kind(Annotated[tuple, ArrayOf(TEXT)], lambda n: f"{{a{n},b}}"),
    Kind(Text, lambda n: f"text of {n}"),
    # Digits as text, which no inference finds.
    Kind(Text, str),
    Kind(Name, lambda n: f"{n % 3:05d}"),
    Kind(Annotated[str, VarChar(7)], lambda n: f"v{n}"),
    Kind(Literal["new", "paid; or 'not'"], lambda n: "new" if n % 2 else "paid; or 'not'"),
)
KEYS = (
    Kind(Annotated[str, VarChar(7)], lambda n: f"k{n}"),
    Kind(Integer, str),
    Kind(BigInt, str),
    Kind(Label, lambda n: f"K{n:03d}"),
    Kind(Uuid, KINDS[17].text),
)
ROWS = 12


@dataclass(frozen=True)
class Drawn:
    """A column. ``empty``: whether some of its fields are."""

    kind: Kind
    markers: tuple[Any, ...] = ()
    nullable: bool = False
    empty: bool = False
    header: str = ""

    @property
    def annotation(self) -> Any:
        annotated = Annotated[self.kind.type, *self.markers] if self.markers else self.kind.type
        return annotated | None if self.nullable else annotated

    def field(self, n: int) -> str:
        return "" if self.empty and n % 3 == 0 else self.kind.text(n)


@dataclass(frozen=True)
class Declared:
    """A dataset with its files."""

    dataset: Dataset
    files: dict[str, str]


@st.composite
def datasets(draw: st.DrawFn) -> Declared:
    """Up to three tables with columns of any type, keys of one or two columns, and references."""
    module, files = ModuleType("datasets.shop"), {}
    dialect = draw(st.sampled_from([Csv(), Csv(delimiter=";"), Csv(delimiter="\t", encoding="cp1252")]))
    vars(module).update(FORMAT=dialect, __doc__="A dataset.")
    parents: list[tuple[str, Kind]] = []
    for letter in "abc"[: draw(st.integers(1, 3))]:
        table, key = f"table_{letter}", draw(st.sampled_from(KEYS))
        columns = {"number": Drawn(key, (Key(),))}
        if composite := draw(st.booleans()):
            columns["part"] = Drawn(Kind(Integer, lambda n: str(n % 3)), (Key(),))
        for place, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), max_size=6))):
            nullable = draw(st.booleans())
            columns[f"value_{place}"] = Drawn(kind, (), nullable, nullable and draw(st.booleans()))
        for place, (parent, of) in enumerate(parents if draw(st.booleans()) else []):
            columns[f"ref_{place}"] = Drawn(of, (References(parent),), nullable=draw(st.booleans()))
        if draw(st.booleans()):
            code = Kind(Label, lambda n: f"c-{n}")
            columns["code"] = Drawn(code, (Unique(), Header("CODE")), header="CODE")
        parents += [] if composite else [(table, key)]
        vars(module)[table.title()] = _row(module, table, columns)
        files[f"{table}.csv"] = _csv(columns, dialect)
    return Declared(read_dataset(module), files)


def _row(module: ModuleType, table: str, columns: dict[str, Drawn]) -> type[Row]:
    body: dict[str, Any] = {
        "__module__": module.__name__,
        "__annotations__": {name: column.annotation for name, column in columns.items()},
        **{name: None for name, column in columns.items() if column.nullable},
    }
    options = {"table": table, "file": f"{table}.csv"}
    return new_class(
        table.title().replace("_", ""), (Row,), options, lambda namespace: namespace.update(body)
    )


def _csv(columns: dict[str, Drawn], dialect: Csv) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=str(dialect.delimiter), lineterminator="\n")
    writer.writerow(column.header or name for name, column in columns.items())
    writer.writerows([column.field(n) for column in columns.values()] for n in range(ROWS))
    return text.getvalue()


def written(dataset: Dataset, form: str) -> dict[str, str]:
    """The description as a file."""
    if form == "sql":
        return {"schema.sql": script(dataset)}
    return {"datapackage.json": json.dumps(data_package(dataset))}


def structure(dataset: Dataset) -> dict[str, Any]:
    """Types, nullability, keys and references by table."""
    return {
        table.name: (
            [(column.name, str(column.type.catalog), column.nullable) for column in table.columns],
            set(table.key),
            {unique.columns for unique in table.uniques},
            {(key.columns, key.parent, key.parent_columns) for key in table.references},
        )
        for table in dataset.tables.values()
    }


def drafted_structure(draft: DatasetDraft) -> dict[str, Any]:
    """The same of a draft, whose references have headers."""
    names = {(table.name, column.header): column.name for table in draft.tables for column in table.columns}
    return {
        table.name: (
            [(column.name, str(column.declared.type.catalog), column.nullable) for column in table.columns],
            set(table.key),
            set(table.unique),
            {
                (
                    tuple(names[table.name, header] for header in reference.columns),
                    reference.parent,
                    tuple(names[reference.parent, header] for header in reference.parent_columns),
                )
                for reference in table.references
            },
        )
        for table in draft.tables
    }


def prove(declared: Declared, form: str) -> None:
    """Draft the dataset from its description and its files, and compare."""
    with tempfile.TemporaryDirectory() as name:
        for path, text in {**declared.files, **written(declared.dataset, form)}.items():
            Path(name, path).write_text(text, encoding="utf-8")
        draft, _ = draft_folder(Path(name))
    found, wanted = drafted_structure(draft), structure(declared.dataset)
    if not any(references for *_, references in wanted.values()):
        # Without any described reference, references are inferred: many databases declare none.
        found, wanted = ({name: parts[:-1] for name, parts in each.items()} for each in (found, wanted))
    assert found == wanted


@pytest.mark.parametrize("form", ["datapackage", "sql"])
@given(datasets())
@settings(max_examples=4)
def test_described_dataset_is_drafted_again(form: str, declared: Declared) -> None:
    prove(declared, form)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["datapackage", "sql"])
@given(datasets())
@settings(max_examples=60)
def test_many_described_datasets_are_drafted_again(form: str, declared: Declared) -> None:
    prove(declared, form)
