"""Classify the files below a prefix, or in a folder, for a run: each is read, ignored with a reason, or refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dataforge.files.names import in_order
from dataforge.files.sources import Doubtful, FileNames, Ignored, Taken
from dataforge.tables.catalogue import Dataset


@dataclass(frozen=True)
class FileList:
    """Every path is in ``taken``, ``ignored`` or ``doubtful``; the latter two state the reason.

    ``taken``: sources in catalogue order, the files of a source in the byte order of their paths, which decides
    conflicts. ``missing``: the expected file of each table of the run without files.
    """

    taken: tuple[tuple[str, Taken], ...]
    ignored: Mapping[str, str]
    doubtful: Mapping[str, str]
    missing: Mapping[str, str]


def list_files(
    dataset: Dataset,
    tables: Iterable[str],
    paths: Iterable[str],
    ignore: Collection[str] = (),
    prefix: str = "",
) -> FileList:
    """Classify the files for a run of these tables. ``paths`` are relative to the prefix.

    ``ignore``: patterns with ``*`` and ``?`` of files to skip. A pattern matches a path, with or without the prefix, or a
    file name; a pattern that ends with ``/`` matches a folder.
    """
    names, wanted = FileNames(dataset), set(tables)
    taken: dict[str, Taken] = {}
    ignored: dict[str, str] = {}
    doubtful: dict[str, str] = {}
    for path in in_order(paths):
        pattern = next((p for p in ignore if _matches(path, p) or _matches(prefix + path, p)), None)
        fate = Ignored(f"the run ignores {pattern}") if pattern is not None else names.fate(path)
        match _narrowed(fate, wanted):
            case Taken() as file:
                taken[path] = file
            case Doubtful(reason=reason):
                doubtful[path] = reason
            case Ignored(reason=reason):
                ignored[path] = reason
    sources = [source for source in dataset.sources if wanted & set(source.tables)]
    present = {file.source.file for file in taken.values()}
    missing = {t: s.file for s in sources if s.file not in present for t in s.tables if t in wanted}
    order = {source.file: number for number, source in enumerate(sources)}
    in_run_order = sorted(taken.items(), key=lambda item: order[item[1].source.file])
    return FileList(tuple(in_run_order), ignored, doubtful, missing)


def present_tables(
    dataset: Dataset, paths: Iterable[str], ignore: Collection[str] = (), prefix: str = ""
) -> list[str]:
    """The tables with files, in catalogue order."""
    missing = list_files(dataset, dataset.tables, paths, ignore, prefix).missing
    return [table for table in dataset.tables if table not in missing]


def _matches(path: str, pattern: str) -> bool:
    if pattern.endswith("/"):
        return path.startswith(pattern) or fnmatchcase(path, f"{pattern}*")
    name = path.rpartition("/")[2]
    return pattern in (path, name) or fnmatchcase(path, pattern) or fnmatchcase(name, pattern)


def _narrowed(fate: Taken | Ignored | Doubtful, wanted: set[str]) -> Taken | Ignored | Doubtful:
    """The file's classification in a run of the ``wanted`` tables."""
    if isinstance(fate, Ignored):
        return fate
    sources = (fate.source,) if isinstance(fate, Taken) else fate.sources
    tables = [table for source in sources for table in source.tables]
    if wanted & set(tables):
        return fate
    return Ignored(f"a file of {', '.join(tables)}, which this run does not migrate")
