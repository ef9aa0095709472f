"""The lines of columns, with markers and comments, and the keywords of a class that name several columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataforge import Csv, Format, References
from discovery.drafts import ColumnDraft, TableDraft
from discovery.structure.references import Reference
from discovery.types.declared import marker_source, quoted, value_source
from discovery.types.shared_format import part_for
from discovery.written.comments import WIDTH, comment, plain
from discovery.written.header_case import is_same

_INDENT = "    "
_TRAILING = 30
"""A shorter comment follows its line."""
_LONGEST = 80
"""A longer text is divided, so that no line is too long."""


def column_lines(
    column: ColumnDraft, table: TableDraft, tables: Mapping[str, TableDraft], shared: Format
) -> Iterator[str]:
    """The comments and the declaration of a column. ``shared``: the module's ``VALUE_FORMAT``."""
    reference = next((r for r in table.references if r.columns == (column.header,)), None)
    markers = [*_of_constraints(column, table), *_of_reference(reference, table, tables)]
    markers += _of_files(column, table, shared)
    optional = " | None = None" if column.nullable else ""
    line = f"{_INDENT}{column.name}: {_annotated(column.declared.source, markers)}{optional}"
    notes = list(_notes(column, reference))
    if len(notes) == 1 and len(notes[0]) < _TRAILING and len(f"{line}  # {notes[0]}") <= WIDTH:
        yield f"{line}  # {plain(notes[0])}"
        return
    for note in notes:
        yield from comment(note, _INDENT)
    yield line


def _notes(column: ColumnDraft, reference: Reference | None) -> Iterator[str]:
    if reference is not None and not reference.enforced:
        yield _orphans(reference)
    yield from column.notes
    if column.declared.note:
        yield column.declared.note


def _orphans(reference: Reference) -> str:
    rows, orphans = reference.coverage.rows, reference.coverage.orphans
    return f"{orphans:,} of {rows:,} rows have a value that {reference.parent} lacks"


def _of_constraints(column: ColumnDraft, table: TableDraft) -> Iterator[str]:
    if column.name in table.key:
        yield "Key()"
    if (column.name,) in table.unique:
        yield "Unique()"


def _of_reference(
    reference: Reference | None, table: TableDraft, tables: Mapping[str, TableDraft]
) -> Iterator[str]:
    if reference is not None:
        yield _reference(reference, table, tables)


def _of_files(column: ColumnDraft, table: TableDraft, shared: Format) -> Iterator[str]:
    """The column's name and notation in files, where they differ from its own name and the shared notation."""
    same = isinstance(table.format, Csv) and table.format.ignore_case and is_same(column)
    written = column.in_files or column.header
    header = [_text(written)] if written != column.name and not same else []
    header += ["optional=True"] if column.optional else []
    if header:
        yield f"Header({', '.join(header)})"
    common = part_for(column.declared.kind, shared)
    yield from (marker_source(marker) for marker in column.declared.markers if marker != common)


def _text(text: str) -> str:
    """The source of a text, in several lines if it is long."""
    if len(text) <= _LONGEST:
        return quoted(text)
    return " ".join(quoted(text[at : at + _LONGEST]) for at in range(0, len(text), _LONGEST))


def class_keywords(table: TableDraft, tables: Mapping[str, TableDraft]) -> Iterator[str]:
    """The keywords of a class: what its files have and no column takes, and constraints of several columns."""
    if table.ignored:
        yield f"ignore={value_source(table.ignored)}"
    if table.ignored_partitions:
        yield f"ignore_partitions={value_source(table.ignored_partitions)}"
    if together := tuple(columns for columns in table.unique if len(columns) > 1):
        yield f"unique={value_source(together)}"
    if several := [reference for reference in table.references if len(reference.columns) > 1]:
        yield f"references=({', '.join(_reference(r, table, tables) for r in several)},)"
    yield from _checks(table)


def _checks(table: TableDraft) -> Iterator[str]:
    if table.checks:
        yield f"checks=({', '.join(map(marker_source, table.checks))},)"


def class_notes(table: TableDraft) -> Iterator[str]:
    """The evidence for what is uncertain about a table."""
    yield from table.notes
    if table.has_numbered_columns:
        yield "The file has no header: its fields are the columns in this order. Rename the numbered ones"
    for reference in table.references:
        if len(reference.columns) > 1 and not reference.enforced:
            yield f"{', '.join(reference.columns)}: {_orphans(reference)}"


def _reference(reference: Reference, table: TableDraft, tables: Mapping[str, TableDraft]) -> str:
    """The source of a reference: a marker of its column, or several columns."""
    parent = tables[reference.parent]
    columns, to = _names(table, reference.columns), _names(parent, reference.parent_columns)
    own = columns if len(columns) > 1 else ()
    target = () if to == parent.key else to if len(to) > 1 else to[0]
    return marker_source(References(reference.parent, target, own, enforced=reference.enforced))


def _names(table: TableDraft, headers: tuple[str, ...]) -> tuple[str, ...]:
    names = {column.header: column.name for column in table.columns}
    return tuple(names[header] for header in headers)


def _annotated(source: str, markers: list[str]) -> str:
    if not markers:
        return source
    inner = source.removeprefix("Annotated[").removesuffix("]") if source.startswith("Annotated[") else source
    return f"Annotated[{inner}, {', '.join(markers)}]"
