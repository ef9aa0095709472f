"""Assign files to sources by their names.

A source's stem is its file name without ``.csv``. Below a migration's prefix a source has these files: ``stem.csv``,
further files with a number (``stem_2.csv``, ``stem-2.csv``), and every data file in the folder ``stem/``. Each may have any
of ``READ_ENDINGS``. A source with a pattern or a path has the files that match. Folders named ``key=value`` may contain
them, see ``dataforge.files.partitions``. Names are compared exactly. ``dataforge.files.archived`` classifies files in
archives.

Every other file is either ``Ignored`` (it belongs to no source) or ``Doubtful`` (it resembles a source's file, see
``dataforge.files.lookalikes``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from dataforge.files.lookalikes import Lookalike, ending_fault, is_marker, misnamed
from dataforge.files.names import data_stem, stem_of, without_compression
from dataforge.files.partitions import partition_fault, partition_of
from dataforge.files.patterns import is_pattern, matches, resembles
from dataforge.formats.headers import Headers
from dataforge.tables.catalogue import Dataset, Source

_NUMBERED = re.compile(r"(.+)[_-][0-9]+", re.DOTALL)
_STORES = {
    "_temporary": "a write of Spark or Hadoop that has not finished",
    "_delta_log": "a Delta table, in which files of deleted rows remain; export its current rows",
    ".hoodie": "a Hudi table, in which files of deleted rows remain; export its current rows",
}
"""Folders that identify a table format or an unfinished write."""


@dataclass(frozen=True)
class Taken:
    """A file of the source. ``partition``: the values of its ``key=value`` folders; None is NULL."""

    source: Source
    partition: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the file itself must contain."""
        return tuple(column for column in self.source.columns if column not in self.partition)

    @property
    def names(self) -> Headers:
        """The headers of these columns in the file."""
        names = self.source.names
        return replace(names, names=tuple(item for item in names.names if item[0] not in self.partition))

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which the file is refused."""
        return tuple(column for column in self.columns if column not in self.source.optional)


@dataclass(frozen=True)
class Ignored:
    """A file that belongs to no source."""

    reason: str


@dataclass(frozen=True)
class Doubtful:
    """A file that resembles a source's file and is not one; ``reason`` states why and what to do."""

    sources: tuple[Source, ...]
    reason: str


Fate = Taken | Ignored | Doubtful


@dataclass(frozen=True)
class FileNames:
    """The file names of a dataset."""

    dataset: Dataset

    @cached_property
    def _by_stem(self) -> Mapping[str, Source]:
        return {stem_of(s.file): s for s in self.dataset.sources if not is_pattern(s.file)}

    @cached_property
    def _by_name(self) -> Mapping[str, Source]:
        """The sources whose file has another extension than ``.csv``."""
        others = (s for s in self.dataset.sources if not is_pattern(s.file))
        return {source.file: source for source in others if data_stem(source.file) is None}

    @cached_property
    def _by_pattern(self) -> Mapping[str, Source]:
        patterns = (source for source in self.dataset.sources if is_pattern(source.file))
        return {source.file: source for source in patterns if "/" not in source.file}

    @cached_property
    def _by_path(self) -> Mapping[str, Source]:
        return {source.file: source for source in self.dataset.sources if "/" in source.file}

    @cached_property
    def _lookalikes(self) -> list[tuple[Lookalike, Source]]:
        """Names that resemble a source's file, longest stem first, then names that resemble a table."""
        stems = sorted(self._by_stem, key=len, reverse=True)
        tables = [(table, source) for source in self.dataset.sources for table in source.tables]
        return [(Lookalike(stem), self._by_stem[stem]) for stem in stems] + [
            (Lookalike(table, data_only=True), source)
            for table, source in tables
            if table not in self._by_stem
        ]

    def fate(self, path: str) -> Fate:
        """Whether the file is read, ignored or refused; ``path`` is relative to the prefix, with ``/`` between folders."""
        *folders, name = path.split("/")
        if is_marker(name):
            return Ignored("a marker file")
        pairs = [pair for folder in folders if (pair := partition_of(folder))]
        plain = [folder for folder in folders if not partition_of(folder)]
        found = self._plain_fate(plain, name)
        if not isinstance(found, Taken) or not pairs:
            return found
        fault = partition_fault(found.source, pairs)
        if fault:
            return Doubtful((found.source,), fault)
        ignored = found.source.ignored_partitions
        return Taken(found.source, {key: value for key, value in pairs if key not in ignored})

    def _plain_fate(self, folders: list[str], name: str) -> Fate:
        path = "/".join((*folders, name))
        if sources := [source for file, source in self._by_path.items() if matches(file, path)]:
            return _only(sources)
        match folders:
            case []:
                return self._alone(name)
            case [folder] if folder in self._by_stem:
                return self._in_folder(self._by_stem[folder], name)
        return self._elsewhere(folders, name)

    def _alone(self, name: str) -> Fate:
        """A file directly below the prefix."""
        sources = [source for pattern, source in self._by_pattern.items() if matches(pattern, name)]
        sources += filter(None, [self._exact(name)])
        if sources:
            return _only(sources)
        for pattern, source in self._by_pattern.items():
            if resembles(pattern, name):
                return Doubtful((source,), f"it looks like {pattern}, but its case or its ending differs")
        for lookalike, source in self._lookalikes:
            if lookalike.fits(name):
                reason = misnamed(name, source.file)
                if lookalike.data_only:
                    reason = f"it has the name of the table {lookalike.stem}, whose file is {source.file}"
                return Doubtful((source,), reason)
        return Ignored(f"no table has a file of this name{self._hint(name)}")

    def _exact(self, name: str) -> Source | None:
        """The source whose file has this name, without a pattern."""
        if exact := self._by_name.get(without_compression(name)):
            return exact
        stem = data_stem(name)
        numbered = _NUMBERED.fullmatch(stem or "")
        known = (one for one in (stem, numbered and numbered[1]) if one and one in self._by_stem)
        return next((self._by_stem[one] for one in known), None)

    def has_folder(self, name: str) -> bool:
        """Whether a folder of this name holds the files of a source."""
        return name in self._by_stem or any(path.startswith(f"{name}/") for path in self._by_path)

    def _hint(self, name: str) -> str:
        """The names of further files, for a name that begins with a source's stem and continues with other words."""
        begun = [stem for stem in self._by_stem if name.startswith((f"{stem}_", f"{stem}-", f"{stem} "))]
        if not begun:
            return ""
        stem = max(begun, key=len)
        return f"; further files of {self._by_stem[stem].file} are named {stem}_2.csv or are in {stem}/"

    def _in_folder(self, source: Source, name: str) -> Fate:
        """A file in the folder of a source."""
        stem = data_stem(name)
        if stem is None:
            fault = ending_fault(name) or "its name has nothing before the ending; rename it"
            return Doubtful((source,), f"it is in the folder of {source.file}, but {fault}")
        other = self._by_stem.get(stem, source)
        if other is not source:
            reason = f"it has the name of {other.file} and is in the folder of {source.file}"
            return Doubtful((source, other), reason)
        return Taken(source)

    def _elsewhere(self, folders: list[str], name: str) -> Fate:
        """A file in other folders: its name, or that of a folder, may resemble a source."""
        for folder in folders:
            if source := self._by_stem.get(folder) or self._resembled(folder):
                return Doubtful((source,), _misplaced(source.file, folders))
        found = self._alone(name)
        if isinstance(found, Ignored):
            return found
        sources = (found.source,) if isinstance(found, Taken) else found.sources
        reason = f"it has the name of {sources[0].file} but is in another folder"
        return Doubtful(sources, f"{reason}; give a second set of files a prefix of its own")

    def _resembled(self, folder: str) -> Source | None:
        return next(
            (source for lookalike, source in self._lookalikes if lookalike.fits(folder, folder=True)), None
        )


def _only(sources: list[Source]) -> Fate:
    """The classification of a file with the name of each of the sources."""
    if len(sources) == 1:
        return Taken(sources[0])
    files = ", ".join(source.file for source in sources)
    return Doubtful(tuple(sources), f"it has the name of several tables' files ({files}); declare others")


def _misplaced(file: str, folders: Iterable[str]) -> str:
    """Why files in these folders are not read; one of them resembles the source's folder."""
    for folder in folders:
        if folder in _STORES:
            return f"the folder {folder}/ marks {_STORES[folder]}"
    stem = stem_of(file)
    return f"files of {file} must be directly below the prefix or directly in the folder {stem}/"
