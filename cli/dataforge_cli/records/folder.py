"""A folder of files, compared with the catalogue: which of them a migration would read."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataforge.errors import UnexpectedFiles
from dataforge.files.listing import FileList, list_files
from dataforge.files.patterns import matches
from dataforge.formats.archives import Archive, read_archive
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from dataforge_cli.errors import NoFolder, NoKnownFiles


@dataclass(frozen=True)
class Folder:
    """``files`` are read in this order into ``tables``; ``ignored`` files are mapped to the reason.

    ``missing``: the expected file of each table of the run without a file.
    """

    path: Path
    files: tuple[Path, ...]
    tables: tuple[str, ...]
    ignored: Mapping[str, str]
    missing: Mapping[str, str]

    @property
    def names(self) -> set[str]:
        """Return the paths of the files relative to the folder, with ``/`` between folders."""
        return {file.relative_to(self.path).as_posix() for file in self.files}


def read_folder(
    path: Path, dataset: Dataset, tables: Collection[str], ignore: Collection[str] = (), prefix: str = ""
) -> Folder:
    """Return how a run below ``prefix`` would treat the files of the folder and its subfolders.

    Raises ``NoFolder``, ``UnexpectedFiles`` or ``NoKnownFiles``.
    """
    found = list_files(
        dataset, tables, _names(path, path, frozenset()), ignore, prefix, lambda name: _archive(path / name)
    )
    if found.doubtful:
        raise UnexpectedFiles({str(path / name): reason for name, reason in found.doubtful.items()})
    if not found.taken:
        raise _without_files(path, dataset, tables, found)
    if special := [name for name in found.files if not (path / name).is_file()]:
        raise NoFolder(
            f"{special[0]} in {path} is not a regular file: it is a broken link, a pipe or a device."
        )
    present = tuple(table for table in dataset.tables if table in tables and table not in found.missing)
    return Folder(path, tuple(path / name for name in found.files), present, found.ignored, found.missing)


def _archive(path: Path) -> Archive:
    if not path.is_file():
        return Archive(fault="it is not a regular file")
    try:
        with path.open("rb") as stream:
            return read_archive(stream)
    except OSError as error:
        return Archive(fault=f"it cannot be read: {error.strerror}")


def _without_files(path: Path, dataset: Dataset, tables: Collection[str], found: FileList) -> NoKnownFiles:
    expected = [source.file for source in dataset.sources if set(source.tables) & set(tables)]
    return NoKnownFiles(path, dataset.name, expected, found.ignored, _other_dataset(dataset, found.ignored))


def _other_dataset(own: Dataset, files: Iterable[str]) -> str:
    """The other dataset that declares the most of these files; empty if none does."""
    names = [file.rpartition("/")[2] for file in files]
    known = {
        name: sum(any(matches(source.file, file) for file in names) for source in dataset.sources)
        for name, dataset in DATASETS.items()
        if name != own.name
    }
    best = max(known, key=lambda name: known[name], default="")
    return best if known.get(best) else ""


def _names(root: Path, folder: Path, above: frozenset[Path]) -> Iterator[str]:
    """Yield the paths of all files relative to the root, without following links that lead to a parent."""
    above |= {folder.resolve()}
    for entry in _entries(folder):
        if entry.is_dir():
            if entry.resolve() not in above:
                yield from _names(root, entry, above)
            continue
        name = entry.relative_to(root).as_posix()
        try:
            name.encode()
        except UnicodeEncodeError:
            raise NoFolder(
                f"{root} has a file whose name is not valid UTF-8: {name!r}.", hint="Rename it."
            ) from None
        yield name


def _download(path: Path) -> str:
    """How to migrate the objects of a prefix, if the path is one: a path has one slash behind the scheme."""
    scheme, _, place = str(path).partition(":/")
    if scheme != "s3":
        return ""
    prefix = shlex.quote(f"s3://{place.strip('/')}/")
    return f"A bucket is not a folder: download the objects by `aws s3 sync {prefix} DIR`, and migrate DIR."


def _entries(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except FileNotFoundError as error:
        raise NoFolder(f"There is no folder {path}.", hint=_download(path)) from error
    except NotADirectoryError as error:
        raise NoFolder(
            f"{path} is a file.", hint="Specify its folder, and --tables to limit the run to some tables."
        ) from error
    except OSError as error:
        raise NoFolder(f"{path} cannot be read: {error.strerror}.") from error
