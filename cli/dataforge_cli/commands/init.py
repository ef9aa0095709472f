"""``dataforge init``: write a dataset's module from a folder of files."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from dataforge.errors import InvalidDeclaration
from dataforge_cli.call import Call, calling
from dataforge_cli.commands.check import shown
from dataforge_cli.errors import CommandError, NoFolder, WrongCall
from dataforge_cli.options import Debug, Json

if TYPE_CHECKING:
    from dataforge.tables.catalogue import Dataset
    from discovery.check.check import CheckResult
    from discovery.drafts import DatasetDraft, TableDraft


class NoTableFiles(CommandError):
    """The folder has no file that could be a table."""

    code = "NoTableFiles"


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Read the files in this folder.", show_default=False)
    ],
    dataset: Annotated[str, typer.Option("--dataset", metavar="NAME", help="Write datasets/NAME.py.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing module.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a dataset's module from a folder of files. No deployment or network is needed.

    Detects dialects, types, keys and references from all values, writes datasets/NAME.py, and validates all files by it.
    Read the module before you deploy it: a comment marks each decision that the files do not prove.

    Exit codes: 0 success, 1 failure, 2 invalid call.

    **Example**

    ```
    dataforge init ./shop --dataset shop
    ```
    """
    with calling(stage=None, outputs=None, as_json=as_json, debug=debug) as call:
        module = _module_path(dataset, force=force)
        if not folder.is_dir():
            raise NoFolder(f"There is no folder {folder}.")
        draft, notes = _draft(call, folder, dataset)
        written = _load(module, draft)
        result = _check(call, folder, written)
        document = _document(draft, module, result, notes)
        call.screen.answer(
            document, *shown(result), Text(f"Wrote datasets/{module.name}"), *(Text(note) for note in notes)
        )


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


def _draft(call: Call, folder: Path, dataset: str) -> tuple[DatasetDraft, list[str]]:
    from discovery.described.inventory import describe_files  # noqa: PLC0415
    from discovery.described.read import is_description, read_descriptions  # noqa: PLC0415
    from discovery.draft import draft_dataset  # noqa: PLC0415  loads DuckDB and Arrow
    from discovery.folder import take_inventory  # noqa: PLC0415
    from discovery.folder_store import objects_of, store_of  # noqa: PLC0415

    s3 = store_of(folder)
    objects = list(objects_of(folder))
    tables = [file for file in objects if not is_description(file.key)]
    description = read_descriptions(s3, objects)
    inventory, told = describe_files(s3, take_inventory(s3, tables, call.screen.say), description)
    notes = [f"{source} describes the tables." for source in description.sources]
    notes += [*told, *(f"{key} is not read: {reason}" for key, reason in inventory.unread)]
    if not inventory.tables:
        raise NoTableFiles(f"{folder} has no file that could be a table.", "; ".join(notes))
    draft = draft_dataset(s3, dataset, folder.name, inventory, call.screen.say)
    return replace(draft, notes=(*draft.notes, *_described_by(description.sources))), notes


def _described_by(sources: tuple[str, ...]) -> tuple[str, ...]:
    """The line of the module's docstring that names the descriptions."""
    return (f"Types, keys and references are those of {', '.join(sources)}.",) if sources else ()


def _load(module: Path, draft: DatasetDraft) -> Dataset:
    """Write the module and load it. A module that cannot be loaded would fail every other command, so it does not stay."""
    from dataforge.tables.datasets import DATASETS, load  # noqa: PLC0415
    from discovery.module_text import module_text  # noqa: PLC0415

    before = module.read_bytes() if module.exists() else None
    _replace(module, module_text(draft).encode())
    importlib.invalidate_caches()
    sys.modules.pop(f"datasets.{draft.name}", None)
    try:
        DATASETS.update(load([draft.name]))
    except InvalidDeclaration:
        if before is None:
            module.unlink()
        else:
            _replace(module, before)
        raise
    return DATASETS[draft.name]


def _replace(module: Path, source: bytes) -> None:
    part = module.with_suffix(".part")
    part.write_bytes(source)
    part.replace(module)


def _check(call: Call, folder: Path, dataset: Dataset) -> CheckResult:
    from discovery.check.check import check_folder  # noqa: PLC0415

    return check_folder(dataset, folder, say=call.screen.say)


def _document(draft: DatasetDraft, module: Path, result: CheckResult, notes: list[str]) -> dict[str, Any]:
    counts = {table.table: table for table in result.tables}
    return {
        "dataset": draft.name,
        "module": f"datasets/{module.name}",
        "tables": [
            {
                **_table(table, draft),
                "would_load": counts[table.name].loaded + counts[table.name].deduplicated,
                "would_reject": counts[table.name].rejected,
            }
            for table in draft.tables
        ],
        "notes": notes,
    }


def _table(table: TableDraft, draft: DatasetDraft) -> dict[str, Any]:
    from discovery.file_formats import format_document  # noqa: PLC0415

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
