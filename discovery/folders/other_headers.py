"""Decide by the other files of a folder whether a first line of texts above texts is a header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from discovery.folders.grouping import FoundFile
from discovery.formats.files import TextFile, without_header

_FEWEST = 2
"""The number of other files without a header that show how the program writes."""


def with_header_of_others(files: Sequence[FoundFile]) -> list[FoundFile]:
    """The files; those of texts only have no header if all other files of their dialect have none."""
    texts = [found.file for found in files if isinstance(found.file, TextFile)]
    headers = Counter((_writing(text), text.has_header) for text in texts if not text.by_names)
    return [
        replace(found, file=without_header(found.file))
        if isinstance(found.file, TextFile)
        and found.file.by_names
        and found.file.has_header
        and not headers[_writing(found.file), True]
        and headers[_writing(found.file), False] >= _FEWEST
        else found
        for found in files
    ]


def _writing(file: TextFile) -> tuple[object, str | None]:
    """How a program separates and quotes fields."""
    return file.dialect.delimiter, file.dialect.quote
