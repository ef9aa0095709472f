"""The lines of a dataset's module that declare tables and columns, so that a message can name the place to change."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ModuleLines:
    """``name``: the module as a person finds it, ``datasets/shop.py``. ``lines``: by table, and by table and column."""

    name: str
    lines: Mapping[tuple[str, str | None], int] = field(default_factory=dict)

    def line(self, table: str, column: str | None = None) -> int | None:
        """The line of a column, or else of its table, if the module declares it."""
        return self.lines.get((table, column)) or self.lines.get((table, None))

    def place(self, table: str, column: str | None = None) -> str:
        """The file and line of a column, or else of its table."""
        line = self.line(table, column)
        return f"{self.name}:{line}" if line else self.name


def module_lines(path: Path) -> ModuleLines:
    """The lines of a module of the package ``datasets``. A file that is absent or not a module has none."""
    name = f"datasets/{path.name}"
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ModuleLines(name)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return ModuleLines(name, dict(found for node in classes for found in _lines(node)))


def _lines(node: ast.ClassDef) -> Iterator[tuple[tuple[str, str | None], int]]:
    for keyword in node.keywords:
        if keyword.arg == "table" and isinstance(keyword.value, ast.Constant):
            table = str(keyword.value.value)
            yield (table, None), node.lineno
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    yield (table, item.target.id), item.lineno
