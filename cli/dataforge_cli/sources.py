"""What `dataforge ingest` reads from and writes to: a file or standard input, and the file of rejected records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO

from dataforge.catalogue import Dataset
from dataforge_cli.errors import WrongCall
from dataforge_cli.records import Read, read_csv, read_jsonl

STDIN = Path("-")


class Form(StrEnum):
    """What a file is."""

    jsonl = "jsonl"
    csv = "csv"


class NoTable(WrongCall):
    """Nothing says which table the records of a CSV are for."""


class BadFile(WrongCall):
    """The file cannot be read as what it is said to be."""


@dataclass(frozen=True)
class Source:
    """Where records come from. ``table``: of all of them, where it is known."""

    path: Path
    form: Form
    table: str | None

    @property
    def size(self) -> int | None:
        """Bytes, where that is known before."""
        return self.path.stat().st_size if self.path.is_file() else None

    @contextmanager
    def records(self) -> Iterator[Iterator[Read]]:
        """The records, while the file is open. Raises ``BadFile``, ``OSError``."""
        with sys.stdin.buffer if self.path == STDIN else self.path.open("rb") as stream:
            yield self._read(stream)

    def _read(self, stream: IO[bytes]) -> Iterator[Read]:
        if self.form is Form.jsonl:
            yield from read_jsonl(stream, self.table)
            return
        try:
            yield from read_csv(stream, self.table or "")
        except ValueError as error:
            raise BadFile(f"{self.path}: {error}.") from error


def find_source(path: Path, form: Form | None, dataset: Dataset, table: str | None) -> Source:
    """The source that the options mean. Raises ``BadFile``, ``NoTable``, ``UnknownTable``.

    Without a table it is the one whose CSV has this name in the catalogue, if there is one.
    """
    if path != STDIN and not path.exists():
        raise BadFile(f"There is no file {path}.")
    form = form or (Form.csv if path.suffix.lower() == ".csv" else Form.jsonl)
    if table is not None:
        return Source(path, form, dataset.table(table).name)
    named = (s.tables[0] for s in dataset.sources if s.split is None and s.file == path.name)
    found = next(named, None)
    if form is Form.csv and found is None:
        raise NoTable(f"{path}: which table are its records for? Say so with --table.")
    return Source(path, form, found)


def beside(path: Path) -> Path:
    """Where rejected records go if nobody says: into a file of their own, beside their source."""
    return Path("rejected.jsonl") if path == STDIN else path.with_name(f"{path.stem}.rejected.jsonl")


class RejectedFile:
    """A file that comes into being, or replaces one, with the first line that is written to it."""

    def __init__(self, path: Path, source: Path) -> None:
        if source != STDIN and path.resolve() == source.resolve():
            raise WrongCall(f"{path} is being read. Choose another file for --rejected.")
        self.path = path
        self._opened: IO[bytes] | None = None

    def __enter__(self) -> RejectedFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened:
            self._opened.close()

    @property
    def written(self) -> bool:
        """Whether there is anything in it."""
        return self._opened is not None

    def write(self, line: bytes) -> None:
        """Add a line."""
        if self._opened is None:
            self._opened = self.path.open("wb")
        self._opened.write(line + b"\n")
