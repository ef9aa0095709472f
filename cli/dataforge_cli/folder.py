"""A folder of files, held against the catalogue: which belong to a dataset."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dataforge.catalogue import Dataset
from dataforge.naming import data_stem, source_of
from dataforge_cli.errors import NoFolder, NoKnownFiles

_DATA = (".csv", ".csv.gz", ".csv.zst", ".parquet")


@dataclass(frozen=True)
class Folder:
    """``files`` belong to the chosen tables; ``missing`` are expected but not there; ``unknown`` are data of no table."""

    path: Path
    files: tuple[Path, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def read_folder(path: Path, dataset: Dataset, tables: Collection[str]) -> Folder:
    """What the folder, and folders in it that are named like a file's stem, hold of the tables.

    Raises ``NoFolder`` or ``NoKnownFiles``.
    """
    stems = {data_stem(source.file) for source in dataset.sources}
    there = sorted(name for folder in ("", *_folders(path, stems)) for name in _names(path, folder))
    expected = [source.file for source in dataset.sources if set(source.tables) & set(tables)]
    owners = {name: source.file for name in there if (source := source_of(dataset, name))}
    unknown = tuple(name for name in there if name.lower().endswith(_DATA) and name not in owners)
    files = tuple(path / name for file in expected for name in there if owners.get(name) == file)
    if not files:
        raise NoKnownFiles(path, dataset.name, expected, (n for n in there if n.lower().endswith(_DATA)))
    return Folder(path, files, tuple(name for name in expected if name not in owners.values()), unknown)


def _names(path: Path, folder: str) -> list[str]:
    """The files of a folder in the folder, or of itself, by their place in it; sorted."""
    return sorted(f"{folder}/{e.name}" if folder else e.name for e in _entries(path / folder) if e.is_file())


def _folders(path: Path, stems: Collection[str | None]) -> list[str]:
    return [entry.name for entry in _entries(path) if entry.name in stems and entry.is_dir()]


def _entries(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except FileNotFoundError as error:
        raise NoFolder(f"There is no folder {path}.") from error
    except NotADirectoryError as error:
        raise NoFolder(
            f"{path} is a file. Give the folder it lies in, and --tables to narrow the run."
        ) from error
    except OSError as error:
        raise NoFolder(f"{path} cannot be read: {error.strerror}.") from error
