"""DDL derived from the catalogue, and its fingerprint, which changes exactly when a deployment must apply it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Literal

import pytest
from pydantic import Field

from dataforge.postgres import ddl, roles
from dataforge.postgres.sql import ident, literal
from dataforge.tables.catalogue import Dataset
from dataforge.tables.columns import Count, Integer, Key, Label, References, Text
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row


class Item(Row, table="items"):
    """An article for sale."""

    item: Annotated[Label, Key()]
    amount: Count


class Described(Row, table="items"):
    """An article for sale."""

    item: Annotated[Label, Key()]
    amount: Count = Field(description="It's the remaining number.")


class Wider(Row, table="items"):
    """An article for sale."""

    item: Annotated[Label, Key()]
    amount: Integer


class Longer(Row, table="items"):
    """An article for sale."""

    item: Annotated[Label, Key()]
    amount: Count
    note: Text | None = None


class Keyless(Row, table="items", distinct=True):
    """An article for sale."""

    item: Label
    amount: Count


def shop(*models: type[Row]) -> Dataset:
    module = ModuleType("shop")
    vars(module).update({f"m{number}": model for number, model in enumerate(models)})
    return read_dataset(module)


def test_fingerprint_is_the_same_in_every_process() -> None:
    code = "from dataforge.postgres.ddl import fingerprint; print(fingerprint())"
    known = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert known == {ddl.fingerprint()}


@pytest.mark.parametrize("model", [Described, Wider, Longer, Keyless])
def test_fingerprint_changes_with_a_table(model: type[Row]) -> None:
    assert ddl.fingerprint([shop(Item)]) == ddl.fingerprint([shop(Item)])
    assert ddl.fingerprint([shop(Item)]) != ddl.fingerprint([shop(model)])


def test_fingerprint_changes_with_a_privilege(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ddl.fingerprint()
    monkeypatch.setitem(roles._TABLE_GRANTS, roles.LOAD, ("SELECT",))
    assert ddl.fingerprint() != before


@pytest.mark.parametrize(
    ("quote", "text", "wanted"),
    [
        (ident, "orders", '"orders"'),
        (ident, 'a"b', '"a""b"'),
        (literal, "it's", "'it''s'"),
        (literal, "a\\b", "'a\\b'"),
    ],
)
def test_names_and_texts_are_quoted(quote: Callable[[str], str], text: str, wanted: str) -> None:
    assert quote(text) == wanted


def test_statements_create_parents_before_children() -> None:
    statements = list(ddl.dataset_statements(DATASETS["olist"]))
    place = {
        name: next(i for i, s in enumerate(statements) if s.startswith(f'CREATE TABLE "olist"."{name}"'))
        for name in DATASETS["olist"].tables
    }
    assert place["customers"] < place["orders"] < place["order_items"]
    assert statements[0] == 'CREATE SCHEMA IF NOT EXISTS "olist"'


def test_foreign_key_outside_the_primary_key_has_an_index() -> None:
    class Line(Row, table="lines"):
        item: Annotated[Label, Key(), References("items")]
        other: Annotated[Label, Key(), References("items")]
        kind: Literal["a"]

    table = shop(Item, Line).table("lines")
    assert list(ddl.index_statements(table)) == [
        ("lines_other_idx", 'CREATE INDEX "lines_other_idx" ON "shop"."lines" ("other")')
    ]


def test_check_constraint_contains_every_rule_of_its_column() -> None:
    checks = {name: text for t in DATASETS["olist"].tables.values() for name, text in ddl.checks(t)}
    assert checks["orders_order_id_check"] == (
        'CHECK (char_length("order_id") = 32 AND "order_id" !~ \'[^0-9a-f]\')'
    )
    assert checks["order_reviews_review_score_check"] == 'CHECK ("review_score" >= 1 AND "review_score" <= 5)'
    assert checks["customers_customer_city_check"] == ('CHECK (char_length("customer_city") >= 1)')
    assert "order_reviews_review_comment_title_check" not in checks
