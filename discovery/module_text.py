"""Write the module of a drafted dataset, formatted."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping

from dataforge import Csv, References
from dataforge.files.names import is_json_lines
from discovery.declared import marker_source, quoted, value_source
from discovery.drafts import ColumnDraft, DatasetDraft, TableDraft
from discovery.file_formats import Parquet
from discovery.references import Reference
from discovery.words import singular, words

_VOCABULARY = re.compile(r"\b([A-Z][A-Za-z]+)\b")
_FROM_TYPING = ("Annotated", "Literal")


def module_text(draft: DatasetDraft) -> str:
    """The source of ``datasets/<name>.py``."""
    common = _common_dialect(draft)
    tables = {table.name: table for table in draft.tables}
    body = "\n\n\n".join(_class(table, common, tables) for table in draft.tables)
    constants = f"FORMAT = {marker_source(common)}\n\n\n" if common != Csv() else "\n"
    head = (
        f'"""{_docstring(draft)}"""\n\nfrom __future__ import annotations\n\n{_imports(constants + body)}\n'
    )
    return _formatted(f"{head}{constants}{body}\n")


def _docstring(draft: DatasetDraft) -> str:
    first = f"The dataset {draft.name}, from the files of the folder {_plain(draft.folder)}."
    notes = "\n".join(map(_plain, draft.notes))
    return f"{first}\n\n{notes}\n" if notes else first


def _plain(text: str) -> str:
    """The text in one line, without characters that could end a docstring or a comment: names of files may have any."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line.replace("\\", "/").replace('"', "'")


def _common_dialect(draft: DatasetDraft) -> Csv:
    """The dialect of most tables, which the module declares once."""
    counted = Counter(table.format for table in draft.tables if isinstance(table.format, Csv))
    return counted.most_common(1)[0][0] if counted else Csv()


def _imports(body: str) -> str:
    """The imports of the names that the body uses."""
    code = re.sub(r'"(?:[^"\\]|\\.)*"|#.*', "", body)
    used = set(_VOCABULARY.findall(code))
    lines = []
    if "Decimal" in used:
        lines.append("from decimal import Decimal")
    typing = [name for name in _FROM_TYPING if name in used]
    if typing:
        lines.append(f"from typing import {', '.join(typing)}")
    words_of_ours = sorted(used & _public_words(), key=str.lower)
    return (
        "\n".join(lines) + ("\n\n" if lines else "") + f"from dataforge import {', '.join(words_of_ours)}\n"
    )


def _public_words() -> set[str]:
    import dataforge  # noqa: PLC0415  the façade's list, which loads nothing

    return set(dataforge.__all__)


def _class(table: TableDraft, common: Csv, tables: Mapping[str, TableDraft]) -> str:
    arguments = [f"table={quoted(table.name)}", f"file={quoted(table.file)}"]
    if written := _format(table, common):
        arguments.append(f"format={written}")
    if together := [columns for columns in table.unique if len(columns) > 1]:
        arguments.append(f"unique={value_source(tuple(together))}")
    if several := [r for r in table.references if len(r.columns) > 1]:
        sources = ", ".join(_reference(r, table, tables) for r in several)
        arguments.append(f"references=({sources},)")
    lines = [f"class {class_name(table.name)}(Row, {', '.join(arguments)}):"]
    lines.append(f'    """{table.rows:,} rows of {_plain(table.file)}."""\n')
    lines += [f"    # {_plain(note)}" for note in table.notes]
    lines += [f"    # {', '.join(r.columns)}: {_orphans(r)}" for r in several if not r.enforced]
    for column in table.columns:
        lines += _column(column, table, tables)
    return "\n".join(lines)


def _format(table: TableDraft, common: Csv) -> str:
    """The format as the class declares it; empty if the module or the file's name states it."""
    by_name = isinstance(table.format, Parquet) or is_json_lines(table.file)
    return "" if by_name or table.format == common else marker_source(table.format)


def class_name(table: str) -> str:
    """The name of a table's class: the singular in capitals."""
    *first, last = words(table)
    return "".join(word.capitalize() for word in (*first, singular(last)))


def _column(column: ColumnDraft, table: TableDraft, tables: Mapping[str, TableDraft]) -> Iterator[str]:
    markers = ["Key()"] if column.name in table.key else []
    if (column.name,) in table.unique:
        markers.append("Unique()")
    reference = next((r for r in table.references if r.columns == (column.header,)), None)
    if reference is not None:
        markers.append(_reference(reference, table, tables))
        if not reference.enforced:
            yield f"    # {_orphans(reference)}"
    if column.header != column.name:
        markers.append(f"Header({quoted(column.header)})")
    markers += map(marker_source, column.declared.markers)
    yield from (f"    # {_plain(note)}" for note in column.notes)
    if column.declared.note:
        yield f"    # {_plain(column.declared.note)}."
    optional = " | None = None" if column.nullable else ""
    yield f"    {column.name}: {_annotated(column.declared.source, markers)}{optional}"


def _orphans(reference: Reference) -> str:
    rows, orphans = reference.coverage.rows, reference.coverage.orphans
    return f"{orphans:,} of {rows:,} rows have a value that {reference.parent} lacks."


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


def _formatted(source: str) -> str:
    """The source as ruff formats it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "dataset.py", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=True)
    return done.stdout
