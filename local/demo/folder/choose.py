"""Choose the dataset of a folder: a declared one that its files fit, or else a draft under a temporary name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any

from dataforge.defaults import QUALITY_THRESHOLD
from dataforge.files.listing import FileList, list_files
from dataforge.formats.archives import read_archive
from dataforge.tables.catalogue import Dataset, Source
from dataforge.tables.datasets import DATASETS, FURTHER_FOLDER, add_folder, load
from local.command import CommandFailed, dataforge
from local.demo import show
from local.demo.steps import Failed

_THRESHOLD = float(QUALITY_THRESHOLD)


@dataclass(frozen=True)
class FolderData:
    """A folder and the dataset of its files. ``threshold``: the quality with which they are migrated."""

    folder: Path
    dataset: Dataset
    threshold: float

    @property
    def files(self) -> list[tuple[Source, list[Path]]]:
        """The files of each source of the dataset. A file in an archive has a path that does not exist."""
        taken = _listed(self.dataset, self.folder).taken
        return [
            (source, [self.folder / name for name, one in taken if one.source.file == source.file])
            for source in self.dataset.sources
        ]


def is_olist(folder: Path) -> bool:
    """Whether the folder has a file for each table of Olist."""
    return _fits(DATASETS["olist"], folder)


def choose(folder: Path, modules: Path) -> FolderData:
    """The dataset for a folder. A draft is written to the folder ``modules``. Raises ``Failed``."""
    for dataset in _candidates(folder):
        try:
            checked = _check(folder, dataset.name)
        except CommandFailed:
            show.line(
                f"The names of the files are those of dataset {dataset.name}, but their content is not."
            )
            continue
        show.line(f"The files of {folder} fit dataset {dataset.name}.")
        return FolderData(folder, dataset, threshold_for(checked))
    return _draft(folder, modules)


def _candidates(folder: Path) -> Iterator[Dataset]:
    """The datasets that the folder has all files of, those with the most tables first."""
    for dataset in sorted(DATASETS.values(), key=lambda dataset: -len(dataset.tables)):
        if _fits(dataset, folder):
            yield dataset


def _fits(dataset: Dataset, folder: Path) -> bool:
    """Whether every table has a file, and no file is left that could be one of a table."""
    found = _listed(dataset, folder)
    return bool(found.taken) and not found.missing and not found.doubtful


def _listed(dataset: Dataset, folder: Path) -> FileList:
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]

    def open_archive(name: str) -> Any:
        with (folder / name).open("rb") as stream:
            return read_archive(stream)

    return list_files(dataset, dataset.tables, names, archives=open_archive)


def _draft(folder: Path, modules: Path) -> FolderData:
    """Draft a dataset from the files with `dataforge init`."""
    modules.mkdir(parents=True, exist_ok=True)
    for earlier in modules.glob("*.py"):
        earlier.unlink()
    # The commands and the deployment that this process starts find the module there, and datasets/ is left as it is.
    os.environ[FURTHER_FOLDER] = str(modules)
    add_folder(modules)
    name = _free_name()
    show.line(f"No dataset fits the files of {folder}: `dataforge init` drafts one, with the name {name}.")
    drafted = dataforge([], "init", str(folder), "--dataset", name)
    DATASETS.update(load([name]))
    _show_draft(drafted)
    show.line(f"The module is {modules / name}.py.")
    return FolderData(folder, DATASETS[name], threshold_for(_check(folder, name)))


def _show_draft(drafted: dict[str, Any]) -> None:
    show.line(f"{'table':32}{'records':>10}  key and references")
    for table in drafted["tables"]:
        parents = [key["parent"] for key in table["foreign_keys"]]
        key = ", ".join(table["key"]) if table["key"] else "no key"
        refers = f"; refers to {', '.join(parents)}" if parents else ""
        show.line(f"{table['name']:32}{table['rows']:>10,}  {key}{refers}")
    for note in drafted["notes"]:
        show.line(note)


def _free_name() -> str:
    names = ("demo", *(f"demo_{number}" for number in range(2, 100)))
    return next(name for name in names if name not in DATASETS)


def _check(folder: Path, dataset: str) -> dict[str, Any]:
    """The result of `dataforge check`, regardless of the quality. Raises ``CommandFailed`` for files that do not fit."""
    return dataforge([], "check", str(folder), "--dataset", dataset, "--threshold", "0")


def threshold_for(checked: dict[str, Any]) -> float:
    """The threshold of the app, or a lower one that the files reach, which is printed."""
    if not any(table["read"] for table in checked["tables"]):
        raise Failed("The files have no record.")
    lowest: float = min([checked["quality"], *(table["quality"] for table in checked["tables"])])
    if lowest >= _THRESHOLD:
        return _THRESHOLD
    lower = floor(lowest * 100) / 100
    rejected = sum(table["rejected"] for table in checked["tables"])
    show.line(
        f"`dataforge check` rejects {rejected:,} records. The lowest quality of a table is {lowest:.4f}; below the"
        f" threshold {_THRESHOLD} a migration publishes nothing. The demo continues with --threshold {lower}."
    )
    for table in checked["tables"]:
        if table["quality"] < _THRESHOLD:
            reasons = ", ".join(f"{reason['code']} ({reason['count']:,})" for reason in table["reasons"][:3])
            show.line(f"  {table['table']}: {table['rejected']:,} of {table['read']:,} rejected: {reasons}")
    return lower
