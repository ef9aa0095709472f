"""SQL as a type: composition, and a check of the source code for SQL composed in other ways."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from dataforge.postgres import sql
from dataforge.postgres.sql import Sql, from_catalog, ident, literal, number
from local.config import ROOT

SOURCES = ("bench", "cli", "functions", "infra", "layers", "local")
EXECUTING = {"copy_expert", "execute", "mogrify"}
PLAIN = cast("Any", "orders; DROP TABLE orders")


def test_examples_of_the_module_are_correct() -> None:
    assert doctest.testmod(sql) == (0, 2)


@pytest.mark.parametrize(
    "compose",
    [
        lambda: Sql("SELECT FROM {}").format(PLAIN),
        lambda: Sql("SELECT FROM {table}").format(table=PLAIN),
        lambda: Sql(", ").join([ident("a"), PLAIN]),
        lambda: Sql("SELECT FROM ") + PLAIN,
    ],
    ids=["format", "named", "join", "plus"],
)
def test_plain_text_is_refused_in_sql(compose: Any) -> None:
    with pytest.raises(TypeError, match="not of str"):
        compose()


@pytest.mark.parametrize(
    ("composed", "text"),
    [
        (Sql("{} {}").format(ident('a"b'), 3), '"a""b" 3'),
        (Sql("{a} {a}").format(a=literal("it's")), "'it''s' 'it''s'"),
        (Sql(" AND ").join([]), ""),
        (number(-1.5), "-1.5"),
        (from_catalog("CHECK ((a > 0))"), "CHECK ((a > 0))"),
        (Sql("a") + Sql("b"), "ab"),
    ],
)
def test_composed_sql_is_sql(composed: Sql, text: str) -> None:
    assert composed == text
    assert type(composed) is Sql


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the project's source code, with its file and line."""
    for file in (file for folder in SOURCES for file in Path(ROOT, folder).rglob("*.py")):
        if file != Path(sql.__file__):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_composed_of_text(node: ast.expr) -> bool:
    """Whether the expression is an f-string, or text to which ``+``, ``%``, ``format`` or ``join`` is applied."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"format", "join"} and is_literal(node.func.value)
    if isinstance(node, ast.BinOp):
        return any(is_literal(side) or is_composed_of_text(side) for side in (node.left, node.right))
    return isinstance(node, ast.JoinedStr)


def test_sql_is_made_of_literals_only_and_no_composed_text_is_executed() -> None:
    wrong = []
    for where, call in calls():
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if name == "Sql" and not (len(call.args) == 1 and is_literal(call.args[0])):
            wrong.append(f"{where}: Sql() takes one literal")
        if name in EXECUTING and call.args and is_composed_of_text(call.args[0]):
            wrong.append(f"{where}: a statement that is not composed as Sql")
    assert wrong == []
