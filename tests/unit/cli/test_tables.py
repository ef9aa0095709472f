"""The readable table of rejections, with values that errors and logs omit."""

from __future__ import annotations

import io

from rich.console import Console

from dataforge.runs.results.report import Example, Reason
from dataforge_cli.output.tables import reasons


def reason(code: str, column: str | None, rows: int, *examples: tuple[str, int, str | None]) -> Reason:
    shown = tuple(Example(file=file, line=line, message="", raw=raw) for file, line, raw in examples)
    return Reason(code=code, column=column, rows=rows, examples=shown)


def test_most_frequent_reasons_are_shown_with_position_and_record_of_their_first_example() -> None:
    found = [
        reason("enum", "order_status", 5, ("o.csv", 7, "1,[lost]")),
        reason("conflict", None, 9, ("s.csv", 3, None), ("s.csv", 4, "b")),
        reason("field_count", None, 2),
        reason("missing", "seller_id", 1, ("s.csv", 9, "c")),
    ]
    console = Console(file=io.StringIO(), width=120)
    console.print(reasons(found))
    assert isinstance(console.file, io.StringIO)
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines() if line.strip(" ─")]
    assert lines[1:4] == [
        "conflict 9 s.csv line 3",
        "order_status: enum 5 o.csv line 7 1,[lost]",
        "field_count 2",
    ]
    assert "missing" not in console.file.getvalue()
