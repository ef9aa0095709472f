"""Errors of the functions have no cause that may quote a record."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
QUOTE_NO_RECORD = {"ClientError", "BotoCoreError", "HTTPClientError", "NotConnected", "IncompleteReadError"}
"""Errors of AWS, whose texts have names of buckets and keys."""
DECLARATION = "layers/common/python/dataforge/tables/datasets.py"
"""Reads modules, not records."""


def chained(source: str) -> Iterator[tuple[int, str]]:
    """Line and caught class of each ``raise … from`` the caught error."""
    for handler in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ExceptHandler)):
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        for node in ast.walk(handler):
            if (
                isinstance(node, ast.Raise)
                and isinstance(node.cause, ast.Name)
                and node.cause.id == handler.name
            ):
                yield from ((node.lineno, ast.unparse(kind) if kind else "") for kind in kinds)


def test_chained_causes_are_found() -> None:
    source = "try:\n    f()\nexcept (ValueError, psycopg2.Error) as e:\n    raise Other from e\n"
    assert list(chained(source)) == [(4, "ValueError"), (4, "psycopg2.Error")]
    assert list(chained(source.replace("from e", "from None"))) == []


@pytest.mark.parametrize("folder", ["functions", "layers/common/python"])
def test_no_error_of_a_function_has_a_cause_that_may_quote_a_record(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {kind}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, kind in chained(path.read_text(encoding="utf-8"))
        if kind not in QUOTE_NO_RECORD and path.relative_to(ROOT).as_posix() != DECLARATION
    ]
    assert found == []
