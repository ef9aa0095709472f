"""Files without a dialect, JSON Lines and Parquet: their columns, and their records as texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataforge.files.names import is_json_lines, is_parquet
from dataforge.formats.json_lines import first_record
from dataforge.formats.parquet_source import open_file, read_rows
from dataforge.formats.text_stream import Text, open_text
from dataforge.s3.objects import Object
from discovery.files import Unread, inspect

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HEAD_BYTES = 1 << 16
_LONGEST = 16 << 20
Fields = tuple[str | None, ...]


@dataclass(frozen=True)
class TypedFile:
    """``format``: "json_lines" or "parquet". ``records``: reads them in order; None is NULL."""

    format: str
    compression: str
    columns: tuple[str, ...]
    records: Callable[[], Iterator[Fields | Unread]]


def open_typed(s3: S3Client, file: Object, *, whole: bool) -> TypedFile | None:
    """The file, or None if its name is that of a text with a dialect.

    ``whole``: the columns are those of all records of JSON Lines, else those of the first ones.
    """
    if is_parquet(file.key) and not file.archive:
        names = tuple(open_file(s3, file).schema_arrow.names)
        return TypedFile("parquet", "", names, lambda: _parquet_records(s3, file, names))
    if not is_json_lines(file.key):
        return None
    packed = inspect(s3, file)
    with open_text(s3, packed) as text:
        head = text.read(_HEAD_BYTES)
        start = first_record(file.key, head, whole=len(head) < _HEAD_BYTES)
    columns = _json_columns(s3, packed, start, None if whole else _HEAD_BYTES)
    return TypedFile(
        "json_lines", packed.compression, columns, lambda: _json_records(s3, packed, start, columns)
    )


def _parquet_records(s3: S3Client, file: Object, names: tuple[str, ...]) -> Iterator[Fields | Unread]:
    for rows in read_rows(s3, file, 0, open_file(s3, file).metadata.num_rows):
        texts = [rows.texts[name].to_pylist() for name in names]
        for index, fields in enumerate(zip(*texts, strict=True)):
            if index in rows.broken:
                yield Unread(rows.first + index + 1, rows.broken[index][0].message)
            else:
                yield fields


def _json_columns(s3: S3Client, file: Object, start: int, limit: int | None) -> tuple[str, ...]:
    """The keys of the objects, in the order in which they occur first."""
    found: dict[str, None] = {}
    read = 0
    with open_text(s3, file, start) as text:
        for line in _lines(text):
            read += len(line)
            if limit is not None and read > limit and found:
                break
            found.update(dict.fromkeys(_object(line) or ()))
    return tuple(found)


def _json_records(
    s3: S3Client, file: Object, start: int, columns: tuple[str, ...]
) -> Iterator[Fields | Unread]:
    with open_text(s3, file, start) as text:
        for number, line in enumerate(_lines(text), 1):
            if not line.strip():
                continue
            found = _object(line)
            if found is None:
                yield Unread(number, "the line is not a JSON object")
            elif unknown := found.keys() - set(columns):
                yield Unread(number, f"the first records have no key {min(unknown)}")
            else:
                yield tuple(_text(found.get(name)) for name in columns)


def _lines(text: Text) -> Iterator[bytes]:
    left = b""
    while piece := text.read(_HEAD_BYTES):
        *lines, left = (left + piece).split(b"\n")
        yield from lines
        if len(left) > _LONGEST:
            yield left
            return
    if left:
        yield left


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
