"""Drafts with a description: it is used unless the data contradicts it, which is a note."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.described.data_package import read_package
from discovery.drafts import ColumnDraft, DatasetDraft, TableDraft
from tests.unit.discovery.described.conftest import Drafted

ROWS = 400
WORDS = (
    *(
        "fields",
        "name",
        "type",
        "format",
        "constraints",
        "enum",
        "required",
        "primaryKey",
        "foreignKeys",
        "reference",
    ),
    *(
        "resource",
        "missingValues",
        "uniqueKeys",
        "delimiter",
        "quoteChar",
        "header",
        "minimum",
        "value",
        "integer",
    ),
)
"""Words of the standard, so that generated objects reach its readers."""


def package(**resource: Any) -> str:
    described = {"name": "orders", "path": "orders.csv", "schema": {"fields": []}, **resource}
    return json.dumps({"profile": "tabular-data-package", "resources": [described]})


def fields(*types: tuple[str, dict[str, Any]], **schema: Any) -> dict[str, Any]:
    return {"fields": [{"name": name, **rest} for name, rest in types], **schema}


def lines(header: str, *rows: str) -> str:
    return "\n".join((header, *rows)) + "\n"


def numbered(pattern: str, header: str) -> str:
    return lines(header, *(pattern.format(n=n) for n in range(1, ROWS + 1)))


def only(draft: DatasetDraft) -> TableDraft:
    [table] = draft.tables
    return table


def column(table: TableDraft, name: str) -> ColumnDraft:
    return next(column for column in table.columns if column.name == name)


SCHEMA = "CREATE TABLE orders (id int PRIMARY KEY, code char(5) NOT NULL, day date, note text);"


def test_described_types_are_used_in_the_notation_of_the_values(drafted: Drafted) -> None:
    draft, notes = drafted(
        {"schema.sql": SCHEMA, "orders.csv": numbered("{n};00017;31.12.2020;12", "id;code;day;note")}
    )
    table = only(draft)
    assert not notes
    assert [c.declared.source for c in table.columns] == [
        "Integer",
        "Annotated[str, VarChar(5)]",
        "Date",
        "Text",
    ]
    assert column(table, "day").declared.markers[0].dates == "%d.%m.%Y"
    assert [c.nullable for c in table.columns] == [False, False, True, True]
    assert table.key == ("id",)


@pytest.mark.parametrize(("empty", "nullable"), [(1, False), (100, True)])
def test_few_missing_values_of_a_required_column_are_rejections_and_many_make_it_nullable(
    drafted: Drafted, empty: int, nullable: bool
) -> None:
    rows = [f"{n},{'' if n <= empty else 'abcde'},2020-01-01,x" for n in range(1, ROWS + 1)]
    draft, _ = drafted({"schema.sql": SCHEMA, "orders.csv": lines("id,code,day,note", *rows)})
    code = column(only(draft), "code")
    assert code.nullable is nullable
    assert code.notes == (f"{empty} of {ROWS} rows have no value, which the description requires",)


@pytest.mark.parametrize(("repeated", "key"), [(1, ("id",)), (100, ())])
def test_key_that_many_rows_repeat_is_not_used(drafted: Drafted, repeated: int, key: tuple[str, ...]) -> None:
    rows = [f"{max(n, repeated + 1)},abcde,2020-01-01,x{n}" for n in range(1, ROWS + 1)]
    draft, _ = drafted({"schema.sql": SCHEMA, "orders.csv": lines("id,code,day,note", *rows)})
    table = only(draft)
    assert table.key == key
    assert f"{repeated} of {ROWS} rows repeat the described key (id)" in table.notes


@pytest.mark.parametrize(("wrong", "source"), [(1, "Integer"), (100, "Name")])
def test_type_that_many_values_do_not_fit_is_not_used(drafted: Drafted, wrong: int, source: str) -> None:
    rows = [f"{n},{'x' if n <= wrong else n}" for n in range(1, ROWS + 1)]
    sql = "CREATE TABLE orders (id int PRIMARY KEY, amount int);"
    draft, _ = drafted({"schema.sql": sql, "orders.csv": lines("id,amount", *rows)})
    amount = column(only(draft), "amount")
    assert amount.declared.source == source
    assert amount.declared.note == f"{wrong} of {ROWS} values are not integer, the described type"


def test_column_and_table_without_files_are_named(drafted: Drafted) -> None:
    sql = f"{SCHEMA} CREATE TABLE refunds (id int PRIMARY KEY, order_id int REFERENCES orders);"
    draft, notes = drafted({"schema.sql": sql, "orders.csv": numbered("{n},abcde", "id,code")})
    assert [c.name for c in only(draft).columns] == ["id", "code"]
    assert notes == (
        "schema.sql: orders has columns that its files lack: day, note",
        "schema.sql: there are no files for refunds",
    )


def test_first_of_two_descriptions_of_a_table_is_used(drafted: Drafted) -> None:
    other = "CREATE TABLE orders (id text, code text, day date, note text, PRIMARY KEY (code));"
    files = {"orders.csv": numbered("{n},a{n},2020-01-01,x", "id,code,day,note")}
    draft, notes = drafted({"a.sql": SCHEMA, "b.sql": other, **files})
    assert not notes
    assert only(draft).key == ("id",)


def test_file_without_a_header_has_the_described_names(drafted: Drafted) -> None:
    draft, _ = drafted(
        {"schema.sql": SCHEMA, "orders.csv": numbered("{n}\tabcde\t2020-01-01\tx", "0\ta\t2020-01-01\tx")}
    )
    table = only(draft)
    assert [c.name for c in table.columns] == ["id", "code", "day", "note"]
    assert table.rows == ROWS + 1


def test_references_are_those_described_and_no_others(drafted: Drafted) -> None:
    sql = """
        CREATE TABLE customers (id int PRIMARY KEY, name text);
        CREATE TABLE orders (id int PRIMARY KEY, customer_id int, boss int REFERENCES customers (id),
            previous int REFERENCES orders);
        CREATE TABLE lines (order_id int, number int, PRIMARY KEY (order_id, number));
        CREATE TABLE parts (o int, n int, FOREIGN KEY (o, n) REFERENCES lines (order_id, number));
    """
    files = {
        "customers.csv": numbered("{n},n{n}", "id,name"),
        "orders.csv": numbered("{n},{n},{n},1", "id,customer_id,boss,previous"),
        "lines.csv": numbered("{n},1", "order_id,number"),
        "parts.csv": lines("o,n", "1,1", "2,1", "999,1"),
    }
    draft, _ = drafted({"schema.sql": sql, **files})
    found = {
        (r.child, r.columns, r.parent, r.parent_columns, r.enforced)
        for t in draft.tables
        for r in t.references
    }
    assert found == {
        ("orders", ("boss",), "customers", ("id",), True),
        ("orders", ("previous",), "orders", ("id",), True),
        ("parts", ("o", "n"), "lines", ("order_id", "number"), False),
    }
    assert {t.name: t.key for t in draft.tables}["parts"] == ()


def test_package_gives_names_parts_dialect_missing_values_and_formats(drafted: Drafted) -> None:
    schema = fields(
        ("Nr", {"type": "integer", "constraints": {"required": True, "minimum": 0}}),
        ("Datum", {"type": "date", "format": "%d.%m.%Y"}),
        ("Betrag", {"type": "number", "decimalChar": ",", "groupChar": "."}),
        ("plz", {"type": "string"}),
        ("ok", {"type": "boolean", "trueValues": ["Ja"], "falseValues": ["Nein"]}),
        ("art", {"type": "string", "constraints": {"enum": ["a", "b"]}}),
        ("x", {"type": "any"}),
        missingValues=["", "-"],
        primaryKey="Nr",
        foreignKeys=[{"fields": "x", "reference": {"resource": "", "fields": "Nr"}}],
    )
    row = "{n};01.02.2020;1.000,5;01234;Ja;a;{n}"
    described = package(
        path=["data/one.csv", "data/two.csv"], dialect={"delimiter": ";", "header": True}, schema=schema
    )
    files = {
        "data/one.csv": numbered(row, "Nr;Datum;Betrag;plz;ok;art;x"),
        "data/two.csv": lines("Nr;Datum;Betrag;plz;ok;art;x", "1001;-;-;-;-;-;-"),
    }
    draft, notes = drafted({"datapackage.json": described, **files})
    table = only(draft)
    assert not notes
    assert (table.name, table.rows, table.key) == ("orders", ROWS + 1, ("nr",))
    assert [c.declared.kind for c in table.columns] == [
        *("integer", "date", "numeric", "text", "boolean", "text", "integer"),
    ]
    assert all(c.nullable for c in table.columns[1:])
    assert [c.value for c in table.checks] == [0]
    [reference] = table.references
    assert (reference.columns, reference.parent_columns, reference.enforced) == (("x",), ("Nr",), True)


def test_second_version_of_packages_is_read(drafted: Drafted) -> None:
    schema = fields(
        ("id", {"type": "integer"}),
        ("kind", {"type": "string", "categories": [{"value": "a", "label": "A"}, {"value": "b"}]}),
        ("parent", {"type": "integer", "missingValues": ["-1"]}),
        missingValues=[{"value": "", "label": "not asked"}],
        primaryKey=["id"],
        uniqueKeys=[["kind", "parent"]],
        foreignKeys=[{"fields": ["parent"], "reference": {"fields": ["id"]}}],
    )
    draft, notes = drafted(
        {
            "datapackage.json": package(schema=schema),
            "orders.csv": lines("id,kind,parent", "1,a,-1", "2,b,1", "3,a,2"),
        }
    )
    table = only(draft)
    assert not notes
    assert table.unique == (("kind", "parent"),)
    assert column(table, "kind").declared.source == 'Literal["a", "b"]'
    assert column(table, "parent").declared.nulls == ("-1",)
    assert [r.columns for r in table.references] == [("parent",)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no list of resources"),
        ('{"resources": [3]}', "not an object"),
        (package(path="https://example.org/orders.csv"), "is remote"),
        (package(path="../orders.csv"), "leaves the folder"),
        (package(path="/orders.csv"), "leaves the folder"),
        (package(path="c:\\orders.csv"), "leaves the folder"),
        (package(schema="https://example.org/schema.json"), "not a file in the folder"),
        (package(schema="../schema.json"), "not a file in the folder"),
        (package(schema={"fields": [{"name": 3}]}), "no schema with fields"),
    ],
)
def test_unusable_package_is_named(text: str, reason: str) -> None:
    description = read_package("datapackage.json", text, lambda _: None)
    assert not description.tables
    [note] = description.notes
    assert reason in note


def test_table_of_an_unusable_package_is_inferred(drafted: Drafted) -> None:
    draft, notes = drafted(
        {"datapackage.json": package(path="../orders.csv"), "orders.csv": numbered("{n},x", "id,note")}
    )
    assert only(draft).key == ("id",)
    assert len(notes) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=30,
)


@given(JSON, st.sampled_from(["dialect", "encoding", "path", "name", "schema"]))
@settings(max_examples=50)
def test_any_value_of_a_part_of_a_package_is_read_or_named(value: Any, part: str) -> None:
    schema = fields(("id", {"type": "integer"}), ("note", {"type": "string"}))
    description = read_package("datapackage.json", package(**{"schema": schema, part: value}), lambda _: None)
    assert len(description.tables) + len(description.notes) == 1
