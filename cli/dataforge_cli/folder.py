"""A folder of CSVs, held against the catalogue: which files belong to a dataset."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dataforge.catalogue import Dataset
from dataforge.naming import source_of
from dataforge_cli.errors import NoFolder, NoKnownFiles

_CSV = (".csv", ".csv.gz", ".csv.zst")


@dataclass(frozen=True)
class Folder:
    """``files`` belong to the chosen tables; ``missing`` are expected but not there; ``unknown`` are CSVs of no table."""

    path: Path
    files: tuple[Path, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def read_folder(path: Path, dataset: Dataset, tables: Collection[str]) -> Folder:
    """What the folder holds of the tables. Raises ``NoFolder`` or ``NoKnownFiles``."""
    there = _names(path)
    expected = [source.file for source in dataset.sources if set(source.tables) & set(tables)]
    owners = {name: source.file for name in there if (source := source_of(dataset, name))}
    unknown = tuple(name for name in there if name.lower().endswith(_CSV) and name not in owners)
    files = tuple(path / name for file in expected for name in there if owners.get(name) == file)
    if not files:
        raise NoKnownFiles(path, dataset.name, expected, (n for n in there if n.lower().endswith(_CSV)))
    return Folder(path, files, tuple(name for name in expected if name not in owners.values()), unknown)


def _names(path: Path) -> list[str]:
    """The files of the folder, sorted by name."""
    try:
        return sorted(entry.name for entry in path.iterdir() if entry.is_file())
    except FileNotFoundError as error:
        raise NoFolder(f"There is no folder {path}.") from error
    except NotADirectoryError as error:
        raise NoFolder(
            f"{path} is a file. Give the folder it lies in, and --tables to narrow the run."
        ) from error
    except OSError as error:
        raise NoFolder(f"{path} cannot be read: {error.strerror}.") from error
