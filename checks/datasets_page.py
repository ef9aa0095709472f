"""Examples of docs/datasets.md: the tables whose last columns are an input and its result, and the blocks of Python."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import dataforge
from dataforge import Check, Clean, Csv, Format, Header, References, Row

PAGE = Path(__file__).resolve().parent.parent / "docs" / "datasets.md"
CODE = re.compile(r"`([^`]*)`")
SEPARATOR = re.compile(r"(?<!\\)\|")
WITH_KEYWORDS = (Check, Clean, Csv, Format, Header, References, Row)
UNNAMED = {"whole", "kwargs", "names", "column", "operator", "other"}
"""Parameters that declarations do not write as keywords."""
MODULE_WORDS = ("FORMAT", "VALUE_FORMAT", "FLAT_FILES", "REMOVED", "EXAMPLE")


@dataclasses.dataclass(frozen=True)
class Example:
    """A row of a table: the declaration, the cells between it and the input, the input, and the result."""

    line: int
    word: str
    cells: tuple[str, ...]
    given: str
    result: str


def text(path: Path = PAGE) -> str:
    """The page."""
    return path.read_text()


def blocks(page: str) -> list[str]:
    """The blocks of Python."""
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def examples(page: str, *ending: str) -> Iterator[Example]:
    """The rows of all tables whose last columns have these names."""
    inside = False
    for line, row in enumerate(page.splitlines(), 1):
        if not row.startswith("|"):
            inside = False
            continue
        cells = tuple(cell.strip() for cell in SEPARATOR.split(row.strip("|")))
        if cells[-len(ending) :] == ending:
            inside = True
        elif inside and not row.startswith("| ---"):
            yield Example(line, expression(cells[0]), cells[1:-2], code(cells[-2]), cells[-1])


def expression(cell: str) -> str:
    """The first code of a cell, which is Python; the cell itself without code."""
    found = CODE.search(cell)
    return (found[1] if found else cell).replace("\\|", "|")


def code(cell: str) -> str:
    """The first code of a cell, with escapes for control characters replaced; the cell itself without code."""
    found = CODE.search(cell)
    plain = found[1] if found else cell
    for name, character in {"\\|": "|", "\\n": "\n", "\\r": "\r", "\\t": "\t"}.items():
        plain = plain.replace(name, character)
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), plain)


def missing(page: str) -> list[str]:
    """The words of the language that no code of the page contains, each with what to add."""
    shown = "\n".join([*CODE.findall(page), *blocks(page)])
    words = [name for name in dataforge.__all__ if not re.search(rf"\b{name}\b", shown)]
    words += [name for name in MODULE_WORDS if not re.search(rf"\b{name}\b", shown)]
    for kind in WITH_KEYWORDS:
        target = kind.__init_subclass__ if kind is Row else kind
        keywords = set(inspect.signature(target).parameters) - UNNAMED
        words += sorted(
            f"{kind.__name__}({keyword}=…)" for keyword in keywords if not re.search(rf"\b{keyword}=", shown)
        )
    return words


__all__ = ["Example", "blocks", "code", "examples", "expression", "missing", "text"]
