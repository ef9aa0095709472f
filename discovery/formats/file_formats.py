"""The formats of a table's files: a dialect of CSV, JSON Lines, Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataforge.formats.dialect import Csv
from dataforge.formats.json_lines import JsonLines


@dataclass(frozen=True)
class Parquet:
    """A Parquet file. Its schema is in the file, and its name ends in ``.parquet``."""


FileFormat = Csv | JsonLines | Parquet


def format_document(file_format: FileFormat) -> dict[str, Any]:
    """The format as the commands show it as JSON."""
    if isinstance(file_format, Parquet):
        return {"format": "parquet"}
    if isinstance(file_format, JsonLines):
        return {"format": "jsonl"}
    return {
        "format": "csv",
        "delimiter": file_format.delimiter,
        "quote": file_format.quote,
        "escape": file_format.escape,
        "encoding": file_format.encoding,
        "header": file_format.header,
        "skip": file_format.skip,
        "null": list(file_format.null),
    }
