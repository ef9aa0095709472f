"""Tables on the screen, and on the page docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Table(NamedTuple):
    """A printed table."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


_printed: list[Table] = []


def show_table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, first: bool = False
) -> None:
    """Print a table: the first column left, the others right. ``first``: before the others on the page."""
    _printed.insert(0 if first else len(_printed), Table(title, head, rows))
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    print(f"\n{title}")
    for row in (head, *rows):
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        print("  " + "  ".join(cells))


def write_page(path: Path, introduction: str) -> None:
    """Write all printed tables to a page in Markdown."""
    path.write_text("\n".join((introduction, *(_markdown(table) for table in _printed))))


def _markdown(table: Table) -> str:
    ruler = ("---", *("---:" for _ in table.head[1:]))
    lines = (f"| {' | '.join(row)} |" for row in (table.head, ruler, *table.rows))
    return "\n".join((f"## {table.title}", "", *lines, ""))
