"""Write all records of a file to stdout, as CSV or JSON Lines, and those that cannot be read to stderr."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import IO, TYPE_CHECKING

from rich.text import Text

from dataforge.visible import visible, visible_line
from dataforge_cli.output.screen import Screen

if TYPE_CHECKING:
    from discovery.formats.files import Unread


class Form(StrEnum):
    """The formats in which records are written."""

    csv = "csv"
    jsonl = "jsonl"


def write_all(
    screen: Screen,
    first: tuple[str, ...],
    names: tuple[str, ...],
    records: Iterator[tuple[str | None, ...] | Unread],
    to: Form,
) -> None:
    """Write the ``first`` line and all records to stdout, and what cannot be read to stderr."""
    out: IO[str] = sys.stdout
    out.reconfigure(encoding="utf-8", newline="")  # type: ignore[attr-defined]
    terminal = out.isatty()
    writer = csv.writer(out, lineterminator="\r\n")
    if to is Form.csv and first:
        writer.writerow(first)
    unread = 0
    for record in records:
        if not isinstance(record, tuple):
            unread += 1
            screen.err.print(Text(visible_line(f"line {record.line}: {record.reason}")))
            continue
        # Control characters of a file could hide or forge the output of a terminal.
        fields = [text and visible(text) for text in record] if terminal else record
        if to is Form.csv:
            writer.writerow(fields)
        else:
            out.write(json.dumps(dict(zip(names, fields, strict=True)), ensure_ascii=False) + "\n")
    if unread:
        screen.warn(f"{unread} record(s) could not be read")
