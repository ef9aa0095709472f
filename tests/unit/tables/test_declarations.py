"""Declarations that pydantic accepts and Data Forge does not support: refused at import with an error that names them."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, ClassVar, Literal

import annotated_types
import pytest
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    computed_field,
    conint,
    field_validator,
)

from dataforge.errors import InvalidDeclaration
from dataforge.formats.json_lines import JsonLines
from dataforge.tables.catalogue import Source
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import (
    Count,
    Digest,
    Double,
    HexId,
    Integer,
    Key,
    Label,
    MaxBytes,
    Money,
    References,
    Text,
    Timestamp,
)
from dataforge.tables.datasets import load
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from dataforge.tables.types.times import DATE
from dataforge.tables.value_formats import Format


class Colour(Enum):
    RED = "red"


def refusal(*models: type[Row], name: str = "shop", flat: tuple[Source, ...] = ()) -> str:
    """The error that refuses the dataset of these models."""
    module = ModuleType(name)
    vars(module).update({f"m{number}": model for number, model in enumerate(models)}, FLAT_FILES=flat)
    with pytest.raises(InvalidDeclaration) as raised:
        read_dataset(module)
    return str(raised.value)


def model(table: str = "items", file: str | None = None, form: Any = None, **columns: Any) -> type[Row]:
    """A row model with columns ``(type, default)`` or just a type."""
    fields: dict[str, Any] = {"__module__": __name__, "__annotations__": {}}
    for name, kind in columns.items():
        fields["__annotations__"][name], *default = kind if isinstance(kind, tuple) else (kind,)
        fields |= {name: default[0]} if default else {}
    return type(table.title(), (Row,), fields, table=table, file=file, format=form)


def digits(kind: Any, **bounds: Any) -> Any:
    return Annotated[kind, Field(**bounds)]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ((Label, Field(alias="X")), ("alias", "Header('…')")),
        ((Label, Field(validation_alias="X")), ("validation_alias", "Header('…')")),
        ((Label, Field(serialization_alias="X")), ("serialization_alias", "Header('…')")),
        (Annotated[Label, Field(alias="X")] | None, ("alias",)),
        ((Label, Field(exclude=True)), ("exclude", "every column is stored")),
        ((Count, -1), ("invalid default -1", "greater than or equal to 0")),
        ((Money, "1.5"), ("default '1.5', which is read as Decimal('1.5')",)),
        ((Label, None), ("not nullable", "| None = None")),
        ((Label | None, "x"), ("needs the default None",)),
        ((HexId, Field(default_factory=lambda: uuid.uuid4().hex)), ("default_factory", "Digest")),
        (digits(Count, gt=0), ("gt", "ge=")),
        (digits(Count, lt=9), ("lt", "ge=")),
        (digits(Count, multiple_of=2), ("multiple_of",)),
        (digits(Count, strict=True), ("strict",)),
        (Annotated[Count, annotated_types.Interval(gt=3)], ("gt",)),
        (Annotated[Text, StringConstraints(strip_whitespace=True)], ("strip_whitespace", "Clean()")),
        (Annotated[Text, StringConstraints(to_upper=True)], ("to_upper", "Clean(upper=True)")),
        (Annotated[Text, AfterValidator(str.title)], ("custom validator", "pattern=")),
        (Annotated[Text, annotated_types.Predicate(str.isascii)], ("custom validator",)),
        (Annotated[Label, Key], ("class Key", "write Key(")),
        (Annotated[Label, References], ("class References",)),
        (Annotated[Label, "text"], ("'text'", "ignores")),
        (digits(Label, ge="a"), ("ge applies to numbers",)),
        (digits(Timestamp, le=datetime(2030, 1, 1)), ("le applies to numbers",)),  # noqa: DTZ001
        (digits(Double, le=float("inf")), ("not a finite number",)),
        (digits(Count, ge="1"), ("ge='1' is not a finite number",)),
        (digits(Count, max_length=5), ("max_length applies to text", "ge=")),
        (digits(Money, min_length=5), ("min_length applies to text", "ge=")),
        (digits(Timestamp, pattern="^2.*$"), ("pattern applies to text",)),
        (digits(bool, pattern="^true$"), ("pattern applies to text",)),
        (Annotated[Count, MaxBytes(5)], ("MaxBytes applies to text",)),
        (digits(Double, decimal_places=2), ("decimal_places applies to decimals", "Exact")),
        (digits(Text, max_digits=2), ("max_digits applies to decimals", "Exact")),
        (digits(Integer, ge=5, le=3), ("no value satisfies",)),
        (Annotated[Text, StringConstraints(min_length=5, max_length=3)], ("no value satisfies",)),
        (Literal[0, 2**31], ("2147483648", "integer column")),
        (Literal["a", 1], ("all text or all integers", "1")),
        (Literal[True, False], ("all text or all integers", "bool")),
        (Literal["a", None], ("None as a choice", "| None = None")),
        (Literal["", "a"], ("is empty",)),
        (Literal[" a"], ("trailing white space",)),
        (Literal["a\0"], ("NUL",)),
        (Colour, ("no storage type for Colour", "Literal")),
        (date, ("no storage type for date", "Timestamp")),
        (uuid.UUID, ("no storage type for UUID",)),
        (dict[str, str], ("no storage type for dict[str, str]",)),
        (Any, ("no storage type",)),
        (int | str, ("no storage type",)),
        ((int | str | None, None), ("no storage type",)),
        (Decimal, ("Annotated[Decimal, Numeric(12, 2)]",)),
        (Annotated[Label, Format(dates="%Y")], ("is text", "Format(dates=…) applies to date, timestamp")),
        (Annotated[date, DATE, Format(decimal=",")], ("is date", "Format(decimal=…) applies to smallint")),
        (list[int], ("no storage type for list[int]", "Annotated[tuple, ArrayOf(INTEGER)]")),
        (Annotated[str, StringConstraints(pattern=r"^(?i:a)$")], ("(?:…)",)),
        (Annotated[str, StringConstraints(pattern="^a|b$")], ("outside a group",)),
        (Annotated[str, StringConstraints(pattern="^[a-z&&[b]]$")], ("inside",)),
        (Annotated[str, StringConstraints(pattern="^[[:alpha:]]$")], ("inside",)),
        ("Missing", ("its module neither defines nor imports",)),
    ],
)
def test_refused_column_is_named_with_a_hint(column: Any, words: tuple[str, ...]) -> None:
    text = refusal(model(item=Annotated[Integer, Key()], x=column))
    assert text.startswith("shop.items: ")
    assert "column x" in text
    assert all(word in text for word in words), text


class Hidden(Row, table="items"):
    item: Annotated[Label, Key()]
    _id: int = 0


class Configured(Row, table="items"):
    model_config = ConfigDict(extra="allow", str_strip_whitespace=True)
    item: Annotated[Label, Key()]


class Validated(Row, table="items"):
    item: Annotated[Label, Key()]

    @field_validator("item")
    @classmethod
    def check(cls, value: str) -> str:
        return value


class Computed(Row, table="items"):
    item: Annotated[Label, Key()]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> str:
        return self.item * 2


class Hooked(Row, table="items"):
    item: Annotated[Label, Key()]

    def model_post_init(self, _context: Any) -> None:
        """Do nothing."""


class Empty(Row, table="items"):
    """A table without columns."""


class Backwards(Row, table="items"):
    digest: Annotated[HexId, Key(), Digest(("text",))]
    text: Text


class TwoParents(Row, table="children"):
    child: Annotated[Label, Key()]
    item: Annotated[Label, References("items"), References("shelves")]


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ((Hidden,), ("shop.items", "'_id'", "ClassVar")),
        ((Configured,), ("shop.items", "extra, str_strip_whitespace")),
        ((Validated,), ("shop.items", "check is a validator")),
        ((Computed,), ("shop.items", "twice is a computed field")),
        ((Hooked,), ("shop.items", "model_post_init")),
        ((Empty,), ("shop.items", "no column")),
        ((Backwards,), ("shop.items", "digest", "'text'", "earlier")),
        (
            (model(item=Annotated[Label, Key()]), model("shelves", item=Annotated[Label, Key()]), TwoParents),
            ("shop.children", "item references several tables"),
        ),
        (
            (
                model(item=Annotated[Label, Key()]),
                model("b", x=Annotated[Integer, Key(), References("items")]),
            ),
            ("b.x is integer", "items.item", "text", "same type"),
        ),
        ((model(ctid=Annotated[Label, Key()]),), ("'ctid'", "system column")),
        ((model(file="stops", x=Label),), ("'stops'", "file='stops.csv'")),
        ((model(file="stops.txt.gz", x=Label),), ("'stops.txt.gz'", "file='stops.csv'")),
        ((model(file="", x=Label),), ("''", "file='items.csv'")),
        ((model(file=".csv", x=Label),), ("'.csv'",)),
        ((model(file="items[1].csv", x=Label),), ("wildcard", "file='items1.csv'")),
        ((model(file="*.?", x=Label),), ("takes every file", "Games-*.txt")),
        (
            (model(file="Games-*.txt", x=Label), model("b", file="Games-new.txt", x=Label)),
            ("items and b", "also takes", "'Games-new.txt'"),
        ),
        ((model(file="a*.csv", x=Label), model("b", file="ab.jsonl", x=Label)), ("also takes", "'ab.jsonl'")),
        ((model(file="a*.csv", x=Label), model("b", file="ab*.csv", x=Label)), ("also takes", "'ab*.csv'")),
        ((model(file="a.csv", form=JsonLines(), x=Label),), ("JSON Lines", "a.jsonl", "format=Csv()")),
        ((model(file="/a.csv", x=Label),), ("'/a.csv'", "separated by /")),
        ((model(file="year=2024/a.csv", x=Label),), ("'year=2024/a.csv'", "key=value")),
        (
            (model(file="a.csv", x=Label), model("b", file="a.parquet", x=Label)),
            ("items and b", "the same file"),
        ),
        ((model(file="a.csv", x=Label), model("b", file="A.csv", x=Label)), ("the same file",)),
        ((model("a", x=Label), model("a_pkey", x=Label)), ("a and a_pkey", "both create a_pkey")),
        (
            (model("items", None, **{f"c{n}": Annotated[HexId, Key()] for n in range(33)}),),
            ("33 columns", "mark fewer"),
        ),
        (
            (
                type(
                    "Bag",
                    (Row,),
                    {"__module__": __name__, "__annotations__": {"x": Annotated[Label, Key()]}},
                    table="bag",
                    distinct=True,
                ),
            ),
            ("shop.bag: the table has distinct=True and the key x", "remove one"),
        ),
        ((), ("shop: the module declares no table",)),
        ((type("Loose", (Row,), {"__module__": __name__}), model(x=Label)), ("Loose", "table='…'")),
    ],
)
def test_refused_table_is_named_with_a_hint(models: tuple[type[Row], ...], words: tuple[str, ...]) -> None:
    text = refusal(*models)
    assert all(word in text for word in words), text


@pytest.mark.parametrize(
    "name", ["dataforge", "dataforge_scratch", "public", "pg_data", "Shadow_x", "ä", "a b"]
)
def test_dataset_with_the_schema_of_another_is_refused(name: str) -> None:
    assert repr(name) in refusal(model(x=Label), name=name)


def test_flat_file_that_fills_an_unknown_table_is_refused() -> None:
    flat = Source("flat.csv", ("a",), ("nothing",), lambda _record: [])
    assert "'nothing'" in refusal(model(x=Label), flat=(flat,))


@pytest.mark.parametrize(
    ("flat", "words"),
    [
        (5, "Source(file, columns, tables, split)"),
        (["flat.csv"], "Source(file, columns, tables, split)"),
        ((Source("flat.csv", ("a",), ("items",)),), "flat.csv has no split function"),
        ((Source("flat.csv", ("a", "a"), ("items",), lambda _record: []),), "twice"),
    ],
)
def test_flat_file_that_could_not_be_read_is_refused(flat: Any, words: str) -> None:
    text = refusal(model(x=Label), flat=flat)
    assert text.startswith("shop: ")
    assert words in text


def test_constrained_types_of_pydantic_are_accepted() -> None:
    module = ModuleType("shop")
    vars(module).update(m=model(item=Annotated[Label, Key()], x=conint(ge=0, le=5)))
    rule = read_dataset(module).table("items").by_name["x"].rule
    assert (rule.type.name, rule.ge, rule.le) == ("integer", 0, 5)


class Shared(Row):
    """The columns that several tables share."""

    unit: ClassVar[str] = "cm"
    item: Annotated[Label, Key()]


class Long(Shared, table="long", file="long.csv.gz"):
    length: Money | None = Field(default=None, description="In cm.", title="Length", frozen=True)
    count: Integer | None = None
    code: Annotated[str, StringConstraints(pattern="^(?:a|b)$"), Clean()] | None = None
    status: Label = "new"


def test_inherited_columns_class_variables_and_descriptions_are_accepted() -> None:
    module = ModuleType("shop")
    vars(module).update(Shared=Shared, Long=Long)
    table = read_dataset(module).table("long")
    assert table.column_names == ("item", "length", "count", "code", "status")
    assert table.key == ("item",)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write the module ``mine`` into a new package and return the reason of its refusal."""
    monkeypatch.syspath_prepend(tmp_path)
    name = f"datasets_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()

    def write(text: str) -> str:
        (tmp_path / name / "mine.py").write_text(text)
        with pytest.raises(InvalidDeclaration) as raised:
            load(["mine"], name)
        return str(raised.value)

    yield write
    for module in [m for m in sys.modules if m.startswith(name)]:
        del sys.modules[module]


HEAD = "from dataforge.tables.catalogue import Row\nfrom dataforge.tables.columns import Label\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class (", ("mine.py", "line 1", "SyntaxError")),
        (HEAD + "import nothing_of_this_name", ("mine.py, line 3", "nothing_of_this_name")),
        (
            HEAD + "class A(Row, tabel='a'):\n    x: Label",
            ("mine.py, line 3", "'tabel' (did you mean 'table'?)", "ignore, references"),
        ),
        (
            "from dataforge import Csv\nFORMAT = Csv(delimeter=';')",
            ("mine.py, line 2: Csv has no option 'delimeter' (did", "skip_footer"),
        ),
        (
            "from dataforge import Clean\nx = Clean(trimm=True)",
            ("Clean has no option 'trimm' (did you mean 'trim'?)",),
        ),
        (
            "from dataforge import Format\nx = Format(date='%d')",
            ("Format has no option 'date' (did you mean 'dates'?)",),
        ),
        ("from dataforge import References\nx = References()", ("References needs 'table'",)),
        ("from dataforge import Intger", ("dataforge has no 'Intger' (did you mean 'Integer'?)",)),
        (
            HEAD + "class A(Row, table='a'):\n    x: Lable",
            ("mine.py, line 4: 'Lable' is not defined (did you mean 'Label'?)",),
        ),
        (
            "from __future__ import annotations\n" + HEAD + "class A(Row, table='a'):\n    x: Lable",
            ("mine.a: column x has an annotation", "'Lable' is not defined (did you mean 'Label'?)"),
        ),
        (HEAD + "x = Csv()", ("'Csv' is not defined; write: from dataforge import Csv",)),
        (HEAD + "x = Lablel", ("'Lablel' is not defined (did you mean 'Label'?)",)),
        (HEAD + "class A(Row, table=5):\n    x: Label", ("mine.py, line 3", "class A are names")),
        (
            HEAD + "class A(Row, table='a'):\n    x: Label\nFLAT_FILES = 5",
            ("mine", "FLAT_FILES is not a tuple"),
        ),
        (
            HEAD + "class A(Row, table='a', ignore_partitions=5):\n    x: Label",
            ("mine.py, line 3", "TypeError"),
        ),
        (
            "from dataforge import *\nclass A(Row, table='a'):\n    x: Numeric(12, 2)",
            ("mine.py, line 2", "write Annotated[Decimal, Numeric(12, 2)]"),
        ),
        (
            HEAD
            + "from dataforge import Csv\nformat = Csv(header=0)\nclass A(Row, table='a'):\n    x: Label",
            ("mine: format is not used; name it FORMAT",),
        ),
        (
            HEAD
            + "from dataforge import Format\nFORMATS = Format(decimal=',')\nclass A(Row, table='a'):\n    x: Label",
            ("mine: FORMATS is not used; name it VALUE_FORMAT",),
        ),
        (
            HEAD + "from dataforge import Csv\nVALUE_FORMAT = Csv()\nclass A(Row, table='a'):\n    x: Label",
            ("mine: VALUE_FORMAT is Csv(", "write VALUE_FORMAT = Format(…)"),
        ),
        (HEAD + "class A(Row, table='a'):\n    x = 5", ("mine.py, line 3", "PydanticUserError")),
        (HEAD + "class A(Row, table='a'):\n    x: complex", ("mine.a", "no storage type for complex")),
        (
            HEAD + "from datasets.olist import Customer",
            ("mine", "imports Customer, a table of olist"),
        ),
    ],
)
def test_error_for_a_module_that_cannot_be_imported_has_its_name_and_line(
    package: Callable[[str], str], text: str, words: tuple[str, ...]
) -> None:
    found = package(text)
    assert all(word in found for word in words), found
