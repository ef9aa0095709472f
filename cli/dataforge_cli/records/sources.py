"""The input of `dataforge ingest`, a file or standard input, and its file of rejected records."""

from __future__ import annotations

import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO

from dataforge.errors import InvalidInput, UnsupportedFormat
from dataforge.files.names import data_stem, is_csv, is_json_lines, is_parquet
from dataforge.files.sources import FileNames, Taken
from dataforge.formats.content import content_of
from dataforge.tables.catalogue import Dataset
from dataforge_cli.errors import WrongCall
from dataforge_cli.records.declared import Declared
from dataforge_cli.records.json_lines import Read, read_jsonl

STDIN = Path("-")

_HEAD = 16
"""The first bytes of a file, which identify its format."""


class Form(StrEnum):
    """The formats of files."""

    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


class NoTable(WrongCall):
    """The table of the records is not specified."""

    code = "NoTable"
    hint = "Specify it with --table."


class BadFile(WrongCall):
    """The file does not exist, cannot be read or cannot be written."""

    code = "BadFile"


@dataclass(frozen=True)
class Source:
    """A source of records. ``table``: the table of all records, if known; ``columns``: the columns of that table.

    ``declared``: the file of that table as the dataset declares it, if it has one.
    """

    path: Path
    form: Form
    table: str | None
    columns: tuple[str, ...] = ()
    declared: Declared | None = None

    @property
    def size(self) -> int | None:
        """Bytes of the source, if known."""
        if self.form is Form.parquet or not self.path.is_file():
            return None
        with self.path.open("rb") as stream:
            return None if content_of(stream.read(_HEAD)).compression else self.path.stat().st_size

    @contextmanager
    def records(self) -> Iterator[Iterator[Read]]:
        """Yield the records, while the file is open. Raises ``BadFile``, ``OSError``."""
        with sys.stdin.buffer if self.path == STDIN else self.path.open("rb") as stream:
            yield self._translated(stream)

    def _translated(self, stream: IO[bytes]) -> Iterator[Read]:
        try:
            yield from self._read(stream)
        except InvalidInput as error:
            raise BadFile(str(error)) from error
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise BadFile(f"{self.path}: {error}.") from error

    def _read(self, stream: IO[bytes]) -> Iterator[Read]:
        # These imports are slow, and most commands do not need them.
        from dataforge_cli.records.tabular import read_csv, read_parquet  # noqa: PLC0415

        if self.form is Form.parquet:
            yield from read_parquet(self.path, self.table or "", self.columns)
            return
        text = plain(stream, str(self.path))
        if self.form is Form.csv:
            yield from read_csv(text, self.table or "", self.columns, str(self.path), self.declared)
        else:
            yield from read_jsonl(text, self.table, self.declared)


def plain(stream: IO[bytes], name: str) -> IO[bytes]:
    """Return the stream's text, decompressed if necessary. Raises ``UnsupportedFormat``."""
    opened = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    content = content_of(opened.peek(_HEAD)[:_HEAD])
    if content.unread:
        raise UnsupportedFormat(name, content.unread)
    if not content.compression:
        return opened
    from dataforge.formats.text_stream import decompressed  # noqa: PLC0415

    return io.BufferedReader(decompressed(opened, content.compression))


def find_source(path: Path, form: Form | None, dataset: Dataset, table: str | None) -> Source:
    """Return the source of the options. Raises ``BadFile``, ``NoTable``, ``UnknownTable``.

    The default table is the one whose file has this name in the catalogue, with or without a compression suffix.
    """
    if path != STDIN and not path.exists():
        raise BadFile(f"There is no file {path}.")
    declared = _declared(path, dataset, table)
    form = form or _form(path.name, declared)
    if form is Form.parquet and path == STDIN:
        raise BadFile("Parquet cannot be read from standard input.", hint="Store it in a file.")
    if declared is not None:
        return Source(path, form, declared.table.name, declared.table.column_names, declared)
    if table is not None:
        known = dataset.table(table)
        return Source(path, form, known.name, known.column_names)
    if form is not Form.jsonl:
        raise NoTable(f"{path}: the table of the records is unknown.")
    return Source(path, form, None)


def _declared(path: Path, dataset: Dataset, table: str | None) -> Declared | None:
    """Return the declared file of the table, by default of the table whose files have this name."""
    sources = [source for source in dataset.sources if source.split is None]
    if table is not None:
        dataset.table(table)
        found = next((source for source in sources if source.tables == (table,)), None)
    else:
        fate = FileNames(dataset).fate(path.name)
        found = fate.source if isinstance(fate, Taken) and fate.source in sources else None
    return None if found is None else Declared(found, dataset.table(found.tables[0]))


def _form(name: str, declared: Declared | None) -> Form:
    """The format by the name's extension; of a declared file with another extension, the declared format."""
    folded = name.lower()
    if is_parquet(folded):
        return Form.parquet
    if is_csv(folded):
        return Form.csv
    other = declared is not None and data_stem(declared.source.file) is None and not is_json_lines(folded)
    return Form.csv if other and declared and not declared.source.json_lines else Form.jsonl


def beside(path: Path) -> Path:
    """Return the default file of rejected records, beside their source."""
    return Path("rejected.jsonl") if path == STDIN else path.with_name(f"{path.stem}.rejected.jsonl")


class RejectedFile:
    """A file that is created or replaced when the first line is written."""

    def __init__(self, path: Path, source: Path) -> None:
        if source != STDIN and path.resolve() == source.resolve():
            raise WrongCall(f"{path} is the input file.", hint="Specify another file for --rejected.")
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
        """Whether a line was written."""
        return self._opened is not None

    def write(self, line: bytes) -> None:
        """Add a line."""
        if self._opened is None:
            self._opened = self.path.open("wb")
        self._opened.write(line + b"\n")
