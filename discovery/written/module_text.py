"""Write the module of a drafted dataset, formatted."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ruff import find_ruff_bin

import dataforge
from dataforge import Csv, Format
from dataforge.files.names import is_json_lines
from discovery.drafts import DatasetDraft, TableDraft
from discovery.formats.file_formats import Parquet
from discovery.types.declared import marker_source, quoted, value_source
from discovery.written.columns import class_keywords, class_notes, column_lines
from discovery.written.comments import WIDTH, comment
from discovery.written.docstrings import of_dataset, of_table
from discovery.written.names import class_names

_FROM_TYPING = ("Annotated", "Literal")


@dataclass(frozen=True)
class _Shared:
    """The dialect of most files and the notation of most values, which the classes share."""

    dialect: Csv
    value_format: Format


def module_text(draft: DatasetDraft) -> str:
    """The source of ``datasets/<name>.py``."""
    shared = _Shared(_common_dialect(draft), draft.value_format)
    tables = {table.name: table for table in draft.tables}
    names = class_names(tables)
    classes = "\n\n\n".join(_class(table, names[table.name], shared, tables) for table in draft.tables)
    body = f"{_constants(shared, draft.ignored_files)}\n\n{classes}\n"
    return _formatted(
        f"{of_dataset(draft)}\n\nfrom __future__ import annotations\n\n{_imports(body)}\n{body}"
    )


def _common_dialect(draft: DatasetDraft) -> Csv:
    """The dialect of most tables, which the module declares once; of equally frequent ones the default."""
    counted = Counter(table.format for table in draft.tables if isinstance(table.format, Csv))
    return max(counted, key=lambda dialect: (counted[dialect], dialect == Csv()), default=Csv())


def _constants(shared: _Shared, ignored: tuple[str, ...]) -> str:
    lines = [f"FORMAT = {marker_source(shared.dialect)}\n"] if shared.dialect != Csv() else []
    if shared.value_format != Format():
        lines.append(f"VALUE_FORMAT = {marker_source(shared.value_format)}\n")
    lines += [f"IGNORE = {value_source(ignored)}\n"] if ignored else []
    return "".join(lines)


def _class(table: TableDraft, name: str, shared: _Shared, tables: Mapping[str, TableDraft]) -> str:
    arguments = [f"table={quoted(table.name)}", f"file={quoted(table.file)}"]
    if written := _format(table, shared.dialect):
        arguments.append(f"format={written}")
    arguments += class_keywords(table, tables)
    lines = [line for note in class_notes(table) for line in comment(note)]
    lines += [f"class {name}(Row, {', '.join(arguments)}):", f"{of_table(table)}\n"]
    for column in table.columns:
        lines += column_lines(column, table, tables, shared.value_format)
    return "\n".join(lines)


def _format(table: TableDraft, common: Csv) -> str:
    """The format as the class declares it; empty if the module or the file's name states it.

    A name without an extension needs one.
    """
    by_name = isinstance(table.format, Parquet) or is_json_lines(table.file)
    shared = table.format == common and "." in table.file.rpartition("/")[2]
    return "" if by_name or shared else marker_source(table.format)


def _imports(body: str) -> str:
    """The imports of the words that the body uses."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    lines = ["from decimal import Decimal"] if "Decimal" in used else []
    if typing := [name for name in _FROM_TYPING if name in used]:
        lines.append(f"from typing import {', '.join(typing)}")
    if "Field" in used:
        lines += [*([""] if lines else []), "from pydantic import Field"]
    # The order of the linter: constants first.
    ours = sorted(used & {*dataforge.__all__}, key=lambda name: (not name.isupper(), name.lower()))
    return "\n".join([*lines, *([""] if lines else []), f"from dataforge import {', '.join(ours)}", ""])


def _formatted(source: str) -> str:
    """The source as ruff formats it, regardless of the configuration of the current folder."""
    options = ["--isolated", "--line-length", str(WIDTH), "--target-version", "py311"]
    command = [find_ruff_bin(), "format", *options, "--stdin-filename", "dataset.py", "-"]
    done = subprocess.run(command, input=source, capture_output=True, encoding="utf-8", check=True)
    return done.stdout
