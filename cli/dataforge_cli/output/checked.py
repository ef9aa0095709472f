"""The readable result of a check: counts, reasons, suggestions, orphans and ignored files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from dataforge_cli.output.tables import percent

if TYPE_CHECKING:
    from dataforge.runs.results.report import Reason
    from discovery.check.check import CheckResult, TableResult
    from discovery.written.module_lines import ModuleLines

REASONS = 3
"""Reasons of each table that are shown."""
_IGNORED = 10
_WIDEST = 60


def counts_table(result: CheckResult, threshold: float) -> Table:
    """The counts of each table, with the quality against the threshold."""
    names = ("read", "loaded", "deduplicated", "rejected")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_footer=True)
    for name in ("table", *names, "quality", f"threshold {percent(threshold)}"):
        table.add_column(name, justify="left" if name == "table" else "right", no_wrap=True)
    for one in result.tables:
        counts = [f"{getattr(one, name):,}" for name in names]
        table.add_row(Text(one.table), *counts, percent(one.quality), _verdict(one.quality, threshold))
    totals = [f"{sum(getattr(one, name) for one in result.tables):,}" for name in names]
    verdict = _verdict(result.quality, threshold)
    footer: tuple[str | Text, ...] = ("total", *totals, percent(result.quality), verdict)
    for column, text in zip(table.columns, footer, strict=True):
        column.footer = text
    return table


def _verdict(quality: float, threshold: float) -> Text:
    return Text("reached", "green") if quality >= threshold else Text("below", "red")


def reasons_table(result: CheckResult) -> Table:
    """The most frequent reasons of each table, each with its first record."""
    table = Table("table", "reason", "rows", "first in", "record", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[2].justify = "right"
    for one in result.tables:
        for reason in one.reasons[:REASONS]:
            example = next(iter(reason.examples), None)
            place = f"{example.file}:{example.line}" if example else ""
            table.add_row(
                Text(one.table),
                Text(described(reason)),
                f"{reason.rows:,}",
                Text(place),
                Text(_raw(one, reason)),
            )
        if len(one.reasons) > REASONS:
            table.add_row(
                Text(one.table), Text(f"and {len(one.reasons) - REASONS} rarer reasons"), "", "", ""
            )
    return table


def _raw(table: TableResult, reason: Reason) -> str:
    """The beginning of the first record of the reason, in one line."""
    first = next(iter(reason.examples), None)
    texts = (
        example.raw
        for example in table.examples.get(reason.code, [])
        if first is not None and (example.file, example.line) == (first.file, first.line)
    )
    line = " ".join(next(texts, "").split())
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"


def described(reason: Reason) -> str:
    """The reason without a value of a record: the column, the code, and the message unless it quotes the value."""
    message = reason.examples[0].message if reason.examples else ""
    if reason.code == "foreign_key":
        message = message.partition(" with ")[0].partition(": ")[2]
    column = f"{reason.column}: " if reason.column else ""
    return f"{column}{reason.code}{f' ({message})' if message else ''}"


def suggestions(tables: Iterable[TableResult], lines: ModuleLines) -> Iterator[str]:
    """The suggestions, each with the line of the module that it would change."""
    for table in tables:
        for suggestion in table.suggestions:
            column = f".{suggestion.column}" if suggestion.column else ""
            yield f"{table.table}{column} ({lines.place(table.table, suggestion.column)}): {suggestion.text}"


def orphan_lines(result: CheckResult, lines: ModuleLines) -> Iterator[Text]:
    """The rows without a parent, by reference that is not enforced."""
    for table in result.tables:
        for orphans in table.orphans.values():
            columns, place = ", ".join(orphans.columns), lines.place(table.table, orphans.columns[0])
            rows = f"{orphans.rows:,} {'row has' if orphans.rows == 1 else 'rows have'}"
            missing = f"{orphans.missing:,} missing {'value' if orphans.missing == 1 else 'values'}"
            yield Text(f"  {table.table}.{columns} ({place}): {rows} no row in {orphans.parent} ({missing})")


def ignored_lines(ignored: Mapping[str, str]) -> Iterator[Text]:
    """The first files that are ignored, with the reasons."""
    for name, reason in list(ignored.items())[:_IGNORED]:
        yield Text(f"  {name}: {reason}")
    if len(ignored) > _IGNORED:
        yield Text(f"  and {len(ignored) - _IGNORED:,} more, which --json lists")


def section(title: str, parts: Iterator[Any]) -> Iterator[Any]:
    """A title and the parts, if there are any."""
    found = list(parts)
    if found:
        yield Text(title, "bold")
        yield from found
        yield ""


def has_reasons(tables: tuple[TableResult, ...]) -> bool:
    """Whether a record was rejected."""
    return any(table.reasons for table in tables)
