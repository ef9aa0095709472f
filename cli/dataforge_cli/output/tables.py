"""Tables of the readable results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from dataforge.backups.listing import Summary
from dataforge.runs.results.migration import COUNTS, MigrationOutput
from dataforge.runs.results.report import Reason, Report
from dataforge.runs.results.restore import CHANGES, RestoreOutput
from dataforge.visible import visible_line
from dataforge_cli.aws.raw_objects import Stored
from dataforge_cli.output.bars import rows
from dataforge_cli.runs.progress import Progress

REFUSED = {"rejected", "unreadable"}


def summary(result: MigrationOutput | Report) -> Table:
    """Return the counts of each table of a migration.

    The column ``updated``, a part of the loaded rows, is shown if any row was updated.
    """
    names = [*COUNTS, "updated"] if any(one.updated for one in result.tables) else [*COUNTS]
    table = _table("table", *names, "quality", footer=True)
    for one in result.tables:
        counts = [_count(name, getattr(one, name)) for name in names]
        table.add_row(one.table, *counts, percent(one.quality))
    totals = [sum(getattr(one, name) for one in result.tables) for name in names]
    for column, text in zip(
        table.columns, ("total", *(f"{n:,}" for n in totals), percent(result.quality)), strict=True
    ):
        column.footer = text
    return table


def reasons(found: Iterable[Reason], limit: int = 3) -> Table:
    """Return the most frequent reasons of a migration's rejections, each with its first example."""
    table = Table("reason", "rows", "first in", "record", box=SIMPLE_HEAD, pad_edge=False)
    for reason in sorted(found, key=lambda reason: -reason.rows)[:limit]:
        example = next(iter(reason.examples), None)
        name = f"{reason.column}: {reason.code}" if reason.column else reason.code
        place = f"{example.file} line {example.line}" if example else ""
        table.add_row(Text(name), f"{reason.rows:,}", Text(place), Text((example and example.raw) or ""))
    return table


def fates(counts: Mapping[str, int], unreadable: int, codes: Mapping[str, int]) -> Group:
    """Return the counts of the sent records, and the reasons of rejections."""
    shown = {name: count for name, count in {**counts, "unreadable": unreadable}.items() if count}
    table = _table("records", "number", footer=True)
    for name, count in shown.items():
        table.add_row(name, Text(f"{count:,}", style="red" if name in REFUSED else ""))
    table.columns[0].footer, table.columns[1].footer = "total", f"{sum(shown.values()):,}"
    if not codes:
        return Group(table)
    reasons = _table("code", "records")
    for code, count in sorted(codes.items(), key=lambda item: -item[1]):
        reasons.add_row(code, f"{count:,}")
    return Group(table, reasons)


def under_way(progress: Progress) -> Table:
    """Return the progress of each table of a running migration."""
    table = _table("table", "loaded", "rows")
    for one in progress.tables:
        share = one.loaded_bytes / one.bytes if one.bytes else 1.0
        table.add_row(one.table, f"{share:.0%}", rows(one))
    return table


def findings(found: Iterable[Mapping[str, str]]) -> Table:
    """Return the findings of ``dataforge doctor``."""
    table = Table("object", "finding", "hint", box=SIMPLE_HEAD, pad_edge=False)
    for one in found:
        table.add_row(
            Text(one["object"]),
            Text(f"{one['detail']} ({one['code']})"),
            Text(one.get("hint", one.get("way_out", ""))),
        )
    return table


def statements(found: Iterable[Mapping[str, Any]]) -> Table:
    """Return the statements of ``dataforge plan``: their locks, and how much they read or write."""
    table = Table("statement", "blocks", "work", "rows", "size", box=SIMPLE_HEAD, pad_edge=False)
    for one in found:
        blocked = one["blocks"]
        if one["also_blocks"] and blocked != "nothing":
            blocked += f", also of {', '.join(one['also_blocks'])}"
        size = f"{one['bytes'] / 2**20:,.1f} MiB" if one["bytes"] else ""
        table.add_row(Text(one["sql"]), Text(blocked), one["work"], f"{one['rows']:,}", size)
    return table


def files_table(found: Iterable[tuple[Stored, str, str]]) -> Table:
    """Return the objects, each with its treatment by a migration and its tables or the reason."""
    table = Table("key", "size", "uploaded", "a migration", "", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[1].justify = "right"
    for one, status, about in found:
        style = "red" if status == "refused" else ""
        action = {"read": "reads it", "ignored": "ignores it", "refused": "fails"}[status]
        when = f"{one.modified:%Y-%m-%d %H:%M}"
        table.add_row(
            Text(visible_line(one.key)),
            size(one.size),
            when,
            Text(action, style=style),
            Text(visible_line(about)),
        )
    return table


def backups_table(found: Iterable[tuple[Summary, str, str]]) -> Table:
    """Return the backups, each with its age and verification."""
    names = ("id", "dataset", "kind", "age", "tables", "rows", "size")
    table = _table(*names)
    table.add_column("verified")
    for column in table.columns[1:3]:
        column.justify = "left"
    for one, age, verdict in found:
        style = "red" if one.faults else "green" if one.verified else ""
        table.add_row(
            one.id,
            one.dataset,
            one.kind,
            age,
            str(len(one.tables)),
            f"{one.rows:,}",
            size(one.size),
            Text(verdict, style=style),
        )
    return table


def backup_table(found: Summary) -> Table:
    """Return the tables of a backup."""
    table = _table("table", "rows")
    for name, count in found.tables.items():
        table.add_row(name, f"{count:,}")
    return table


def restored(output: RestoreOutput) -> Table:
    """Return the changes of each table by a restore, from its output."""
    table = _table("table", *CHANGES, footer=True)
    for one in output.tables:
        table.add_row(one.table, *(_change(name, getattr(one, name)) for name in CHANGES))
    table.columns[0].footer = "total"
    for column, name in zip(table.columns[1:], CHANGES, strict=True):
        column.footer = f"{getattr(output, name):,}"
    return table


def _change(name: str, count: int) -> Text:
    return Text(f"{count:,}", style="red" if name == "removed" and count else "")


def size(count: int) -> str:
    """Format a number of bytes with a suitable unit."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count} B"


def percent(share: float | None) -> str:
    """Format a share as a percentage with two decimals, rounded down: 100.00 % means all."""
    if share is None:
        return "not known"
    return f"{(Decimal(repr(share)) * 100).quantize(Decimal('0.01'), ROUND_DOWN)} %"


def _table(*columns: str, footer: bool = False) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_footer=footer)
    for i, name in enumerate(columns):
        table.add_column(name, justify="right" if i else "left", no_wrap=True)
    return table


def _count(name: str, count: int) -> Text:
    return Text(f"{count:,}", style="red" if name == "rejected" and count else "")
