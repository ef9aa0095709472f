"""``dataforge init``: write a dataset's module from a folder of files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from dataforge.defaults import QUALITY_THRESHOLD
from dataforge_cli.call import Call, calling
from dataforge_cli.commands.check import checked
from dataforge_cli.errors import CommandError, WrongCall
from dataforge_cli.folders import Dir, find_folder
from dataforge_cli.options import Debug, Ignore, Json
from dataforge_cli.output.checked import section
from dataforge_cli.output.drafted import (
    finding_lines,
    findings,
    next_commands,
    reason_lines,
    tables_table,
    would_load,
)
from dataforge_cli.output.steps import steps
from dataforge_cli.records.module_file import written_module

if TYPE_CHECKING:
    from discovery.check.check import CheckResult
    from discovery.drafts import DatasetDraft, TableDraft
    from discovery.folders.folder_store import Folder


_THRESHOLD = float(QUALITY_THRESHOLD)


class NoTableFiles(CommandError):
    """The folder has no file that could be a table."""

    code = "NoTableFiles"


def init(
    folder: Dir,
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="Write datasets/NAME.py.", show_default=False)
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace an existing module, if the new one can be loaded.")
    ] = False,
    ignore: Ignore = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a dataset's module from a folder of files. No deployment or network is needed.

    Reads all files, and detects formats, tables, types, keys and references from all values. Writes datasets/NAME.py, a
    declaration that you read and change; a comment marks each decision that the files suggest and do not prove. Then
    validates all files by the module as a migration would, and states for each table how many records would be loaded
    and rejected, the most frequent reasons, the decisions to review, and the next commands.

    Comments have shapes and counts, no values of columns with many texts. Nothing leaves this machine.

    An existing module is replaced with --force only. After an error or Ctrl-C everything is as it was.

    Exit codes: 0 the module is written, also if records would be rejected; 1 failure; 2 invalid call.

    **Examples**

    ```
    dataforge init ./shop --dataset shop
    dataforge init ./shop --dataset shop --ignore 'old/' --force
    dataforge init s3://bucket/shop/ --dataset shop
    ```
    """
    with calling(stage=None, outputs=None, as_json=as_json, debug=debug) as call:
        from discovery.written.module_text import module_text  # noqa: PLC0415  loads DuckDB and Arrow

        module = _module_path(dataset, force=force)
        files = find_folder(folder)
        patterns = tuple(ignore or ())
        draft, notes = _draft(call, files, dataset, patterns)
        with written_module(module, draft.folder, module_text(draft)) as written:
            result = checked(call, written, files, patterns)
        _answer(call, module, draft, result, notes, files, patterns)


def _answer(
    call: Call,
    module: Path,
    draft: DatasetDraft,
    result: CheckResult,
    notes: list[str],
    folder: Folder,
    ignore: tuple[str, ...],
) -> None:
    from discovery.written.module_lines import module_lines  # noqa: PLC0415

    lines = module_lines(module)
    found = findings(draft, result, lines)
    document = _document(draft, lines.name, result, [*notes, *found])
    passes = result.passes(_THRESHOLD)
    call.screen.answer(
        document,
        tables_table(draft, result),
        *section("Records that would be rejected", reason_lines(result)),
        *section("Decisions to review", finding_lines(found, lines.name)),
        *section("Files", map(Text, (f"  {note}" for note in notes))),
        Text(f"Wrote {_short(module)}: {len(draft.tables)} tables. Read it, then:"),
        *next_commands(
            str(folder), draft.name, ignore=ignore, threshold=None if passes else _reached(result)
        ),
    )
    if not passes:
        call.screen.warn(f"{result.failure(_THRESHOLD)} A migration publishes nothing below it.")


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _reached(result: CheckResult) -> float:
    """The highest threshold with two decimals that all tables reach."""
    return math.floor(100 * min([result.quality, *(table.quality for table in result.tables)])) / 100


def _module_path(dataset: str, *, force: bool) -> Path:
    from dataforge.tables.names import refuse_dataset_name  # noqa: PLC0415

    try:
        refuse_dataset_name(dataset)
    except ValueError as error:
        raise WrongCall(f"{error}.") from None
    from dataforge.tables.datasets import folder  # noqa: PLC0415

    module = folder() / f"{dataset}.py"
    if module.exists() and not force:
        raise WrongCall(f"datasets/{module.name} exists.", hint="Specify --force to replace it.")
    return module


def _draft(
    call: Call, folder: Folder, dataset: str, ignore: tuple[str, ...]
) -> tuple[DatasetDraft, list[str]]:
    from discovery.described.inventory import describe_files  # noqa: PLC0415
    from discovery.described.read import is_description, read_descriptions  # noqa: PLC0415
    from discovery.draft import draft_dataset  # noqa: PLC0415  loads DuckDB and Arrow
    from discovery.folders.folder import take_inventory  # noqa: PLC0415
    from discovery.folders.folder_store import name_of, objects_of, store_of, unlisted  # noqa: PLC0415

    s3 = store_of(folder)
    objects = [file for file in objects_of(folder) if not _ignores(ignore, file.key)]
    tables = [file for file in objects if not is_description(file.key)]
    description = read_descriptions(s3, objects)
    with steps(call.screen) as say:
        found = replace(take_inventory(s3, tables, say), objects=tuple(objects))
        inventory, told = describe_files(s3, found, description)
        others = [(key, why) for key, why in unlisted(folder).items() if not _ignores(ignore, key)]
        notes = [f"{source} describes the tables." for source in description.sources]
        notes += [
            *told,
            *inventory.notes,
            *(f"{key} is not read: {reason}" for key, reason in (*inventory.unread, *others)),
        ]
        if not inventory.tables:
            raise NoTableFiles(f"{folder} has no file that could be a table.", "; ".join(notes))
        draft = draft_dataset(s3, dataset, name_of(folder), inventory, say)
    return replace(draft, notes=(*draft.notes, *_described_by(description.sources))), notes


def _ignores(patterns: tuple[str, ...], key: str) -> bool:
    from dataforge.files.listing import is_ignored  # noqa: PLC0415

    return any(is_ignored(key, pattern) for pattern in patterns)


def _described_by(sources: tuple[str, ...]) -> tuple[str, ...]:
    """The line of the module's docstring that names the descriptions."""
    return (f"Types, keys and references are those of {', '.join(sources)}.",) if sources else ()


def _document(draft: DatasetDraft, module: str, result: CheckResult, notes: list[str]) -> dict[str, Any]:
    counts = {table.table: table for table in result.tables}
    return {
        "dataset": draft.name,
        "module": module,
        "tables": [
            {
                **_table(table, draft),
                "would_load": would_load(counts[table.name]),
                "would_reject": counts[table.name].rejected,
                "reasons": [
                    {"code": reason.code, "column": reason.column, "count": reason.rows}
                    for reason in counts[table.name].reasons
                ],
            }
            for table in draft.tables
        ],
        "notes": notes,
    }


def _table(table: TableDraft, draft: DatasetDraft) -> dict[str, Any]:
    from discovery.formats.file_formats import format_document  # noqa: PLC0415

    names = {drafted.name: {c.header: c.name for c in drafted.columns} for drafted in draft.tables}
    return {
        "name": table.name,
        "files": list(table.paths),
        "rows": table.rows,
        "dialect": format_document(table.format),
        "columns": [
            {"name": c.name, "header": c.header, "type": c.declared.kind, "nullable": c.nullable}
            for c in table.columns
        ],
        "key": list(table.key) or None,
        "foreign_keys": [
            {
                "columns": [names[table.name][header] for header in r.columns],
                "parent": r.parent,
                "parent_columns": [names[r.parent][header] for header in r.parent_columns],
                "enforced": r.enforced,
                "orphans": r.coverage.orphans,
            }
            for r in table.references
        ],
    }
