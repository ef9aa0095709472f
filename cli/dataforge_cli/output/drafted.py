"""The readable result of ``dataforge init``: the tables, the decisions to review, and the next commands."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from dataforge_cli.output.checked import REASONS, described, suggestions

if TYPE_CHECKING:
    from discovery.check.check import CheckResult, TableResult
    from discovery.drafts import ColumnDraft, DatasetDraft, TableDraft
    from discovery.written.module_lines import ModuleLines

_SHOWN = 12
_NO_VALUES = "no values"


def tables_table(draft: DatasetDraft, result: CheckResult) -> Table:
    """The tables, each with what would be loaded and rejected, its key, and the tables that it references."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_footer=True)
    for name in ("table", "records", "would load", "would reject", "key", "references"):
        right = name in {"records", "would load", "would reject"}
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    counts = {one.table: one for one in result.tables}
    for drafted in draft.tables:
        found = counts[drafted.name]
        parents = ", ".join(dict.fromkeys(reference.parent for reference in drafted.references))
        rejected = Text(f"{found.rejected:,}", "red" if found.rejected else "")
        table.add_row(
            Text(drafted.name),
            f"{found.read:,}",
            f"{would_load(found):,}",
            rejected,
            Text(", ".join(drafted.key) or "none"),
            Text(parents),
        )
    totals = (
        sum(f.read for f in result.tables),
        sum(map(would_load, result.tables)),
        sum(f.rejected for f in result.tables),
    )
    for column, text in zip(table.columns, ("total", *(f"{n:,}" for n in totals), "", ""), strict=True):
        column.footer = text
    return table


def would_load(table: TableResult) -> int:
    """The records that a migration would not reject."""
    return table.loaded + table.deduplicated


def reason_lines(result: CheckResult) -> Iterator[Text]:
    """The most frequent reasons, with the place of one record and none of its content."""
    found = [(table.table, reason) for table in result.tables for reason in table.reasons[:REASONS]]
    found.sort(key=lambda pair: -pair[1].rows)
    for table, reason in found[:_SHOWN]:
        example = next(iter(reason.examples), None)
        place = f", first in {example.file}:{example.line}" if example else ""
        yield Text(f"  {table}: {reason.rows:,} with {described(reason)}{place}")
    if len(found) > _SHOWN:
        yield Text(f"  and {len(found) - _SHOWN} more reasons, which `dataforge check` lists")


def findings(draft: DatasetDraft, result: CheckResult, lines: ModuleLines) -> list[str]:
    """The decisions that a person should review, the most important first, each with its line in the module."""
    worst_first = sorted(result.tables, key=lambda table: -table.rejected)
    found = [*suggestions(worst_first, lines), *_orphans(result, lines)]
    for table in draft.tables:
        found += [f"{table.name} ({lines.place(table.name)}): {note}" for note in table.notes]
        found += _notes(table, lines)
    closed = [(t.name, c.name) for t in draft.tables for c in t.columns if _is_closed(c)]
    found += _together(
        closed, lines, "Only the values that occur are allowed; complete the lists, or use Name"
    )
    numbered = [(table.name, None) for table in draft.tables if table.has_numbered_columns]
    found += _together(numbered, lines, "No header, so that columns are numbered")
    keyless = [(table.name, None) for table in draft.tables if not table.key]
    found += _together(keyless, lines, "No key was found, so that identical rows are all stored")
    return list(dict.fromkeys(found))


def _is_closed(column: ColumnDraft) -> bool:
    return column.declared.source.startswith("Literal[")


def _together(found: Iterable[tuple[str, str | None]], lines: ModuleLines, finding: str) -> list[str]:
    """One finding for several tables or columns: in many tables, one line for each would hide the others."""
    places = []
    for table, column in found:
        name = f"{table}.{column}" if column else table
        line = lines.line(table, column)
        places.append(f"{name} (line {line})" if line else name)
    return [f"{finding}: {', '.join(places)}"] if places else []


def _orphans(result: CheckResult, lines: ModuleLines) -> Iterator[str]:
    for table in result.tables:
        for orphans in table.orphans.values():
            place = lines.place(table.table, orphans.columns[0])
            columns = ", ".join(orphans.columns)
            yield (
                f"{table.table}.{columns} ({place}): {orphans.rows:,} of {table.loaded:,} rows have no row in"
                f" {orphans.parent}; the reference is not enforced"
            )


def _notes(table: TableDraft, lines: ModuleLines) -> Iterator[str]:
    for column in table.columns:
        own = column.declared.note if not _is_closed(column) else ""
        notes = [*column.notes, *([own] if own else [])]
        place = lines.place(table.name, column.name)
        yield from (f"{table.name}.{column.name} ({place}): {note}" for note in notes if note != _NO_VALUES)


def finding_lines(found: list[str], module: str) -> Iterator[Text]:
    """The first findings, numbered."""
    for number, text in enumerate(found[:_SHOWN], 1):
        yield Text(f"  {number:>2}. {text}")
    if len(found) > _SHOWN:
        yield Text(f"      and {len(found) - _SHOWN} more; see the comments in {module}")


def next_commands(
    folder: str, dataset: str, *, ignore: Sequence[str] = (), threshold: float | None
) -> Iterator[Text]:
    """The commands that follow. ``threshold``: the one below which the quality would fail the migration, if it would."""
    ignored = "".join(f" --ignore {shlex.quote(pattern)}" for pattern in ignore)
    options = f"{shlex.quote(folder)} --dataset {shlex.quote(dataset)}"
    lower = f" --threshold {threshold:g}" if threshold is not None else ""
    commands = (
        (
            f"{_program()} check {options} --html {dataset}.html{ignored}",
            "validate again after each change of the module",
        ),
        ("make local", "deploy the tables to the cloud on this machine"),
        *_loading(folder, dataset, f"{lower}{ignored}"),
    )
    for command, purpose in commands:
        yield Text(f"  {command}  # {purpose}")


def _loading(folder: str, dataset: str, options: str) -> Iterator[tuple[str, str]]:
    """The commands that load the files: those of a bucket are downloaded first, since its cloud may be another one."""
    if folder.startswith("s3://"):
        yield f"aws s3 sync {shlex.quote(folder)} {dataset}-files", "download the objects"
        folder = f"{dataset}-files"
    yield f"{_program()} migrate {shlex.quote(folder)} --dataset {dataset}{options}", "load the files"


def _program() -> str:
    """The command as it was called."""
    called = sys.argv[0]
    is_ours = Path(called).name == "dataforge"
    return shlex.quote(called) if is_ours and shutil.which("dataforge") != called else "dataforge"
