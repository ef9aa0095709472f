"""Classify the files below a prefix, or in a folder, for a run: each is read, ignored with a reason, or refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from dataforge.files.archived import InArchive, archive_fates
from dataforge.files.names import in_order, is_archive
from dataforge.files.sources import Doubtful, Fate, FileNames, Ignored, Taken
from dataforge.formats.archives import Archive
from dataforge.tables.catalogue import Dataset


@dataclass(frozen=True)
class FileList:
    """Every path, and the path of each file in an archive, is in ``taken``, ``ignored`` or ``doubtful``.

    ``ignored`` and ``doubtful`` state the reason. ``taken``: sources in catalogue order, the files of a source in the byte
    order of their paths, which decides conflicts. ``missing``: the expected file of each table of the run without files.
    ``archived``: where the files in archives are.
    """

    taken: tuple[tuple[str, Taken], ...]
    ignored: Mapping[str, str]
    doubtful: Mapping[str, str]
    missing: Mapping[str, str]
    archived: Mapping[str, InArchive] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of the files that are read: of an archive, its own path."""
        return tuple(
            dict.fromkeys(
                inside.archive if (inside := self.archived.get(path)) else path for path, _ in self.taken
            )
        )


def _unopened(path: str) -> Archive:  # noqa: ARG001
    return Archive(fault="archives are not opened here")


def list_files(
    dataset: Dataset,
    tables: Iterable[str],
    paths: Iterable[str],
    ignore: Collection[str] = (),
    prefix: str = "",
    archives: Callable[[str], Archive] = _unopened,
) -> FileList:
    """Classify the files for a run of these tables. ``paths`` are relative to the prefix.

    ``ignore``: patterns with ``*`` and ``?`` of files to skip. A pattern matches a path, with or without the prefix, or a
    file name; a pattern that ends with ``/`` matches a folder. The dataset may ignore further files.
    ``archives`` opens the zip archive at a path.
    """
    names, wanted = FileNames(dataset), set(tables)
    ignore = (*ignore, *dataset.ignored_files)
    taken: dict[str, Taken] = {}
    ignored: dict[str, str] = {}
    doubtful: dict[str, str] = {}
    archived: dict[str, InArchive] = {}
    fates: dict[str, Fate] = {}
    for path in paths:
        if (ignoring := _ignoring(path, ignore, prefix)) or not is_archive(path):
            _add(fates, path, ignoring or names.fate(path))
            continue
        for inside, fate in archive_fates(names, path, archives(path)):
            member = f"{path}/{inside.path}" if inside.path else path
            archived |= {member: inside} if inside.path else {}
            _add(fates, member, _ignoring(member, ignore, prefix) or fate)
    for path in in_order(fates):
        match _narrowed(fates[path], wanted):
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
    return FileList(tuple(in_run_order), ignored, doubtful, missing, archived)


def _add(fates: dict[str, Fate], path: str, fate: Fate) -> None:
    """Add a file. A file in ``a.zip`` and one in a folder of this name may have the same path; neither is read."""
    if path in fates and not isinstance(fate, Ignored):
        sources = (fate.source,) if isinstance(fate, Taken) else fate.sources
        fate = Doubtful(sources, "a file in an archive and a file in a folder have this path; rename one")
    fates[path] = fate


def _ignoring(path: str, ignore: Collection[str], prefix: str) -> Ignored | None:
    pattern = next((p for p in ignore if is_ignored(path, p) or is_ignored(prefix + path, p)), None)
    return None if pattern is None else Ignored(f"the run ignores {pattern}")


def present_tables(
    dataset: Dataset,
    paths: Iterable[str],
    ignore: Collection[str] = (),
    prefix: str = "",
    archives: Callable[[str], Archive] = _unopened,
) -> list[str]:
    """The tables with files, in catalogue order."""
    missing = list_files(dataset, dataset.tables, paths, ignore, prefix, archives).missing
    return [table for table in dataset.tables if table not in missing]


def is_ignored(path: str, pattern: str) -> bool:
    """Whether a pattern of ``ignore`` takes the path: a folder that ends in ``/``, or a name or path with wildcards."""
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
