"""The parts of files that a dialect leaves out, as comments: a person should compare them with the files."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge import Csv
from discovery.formats.file_formats import FileFormat


def left_out(file_format: FileFormat) -> Iterator[str]:
    """The lines and records of each file that are not rows."""
    if not isinstance(file_format, Csv):
        return
    if file_format.skip:
        yield f"{_first(file_format.skip)} of each file {_be(file_format.skip)} not read"
    if file_format.header > 1:
        yield f"The header has {file_format.header} lines; the texts of a column are its name"
    if number := file_format.skip_footer:
        last = "The last record" if number == 1 else f"The last {number} records"
        yield f"{last} of each file {_be(number)} not read: totals or a source. A file without them loses rows"


def _first(number: int) -> str:
    return "The first line" if number == 1 else f"The first {number} lines"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
