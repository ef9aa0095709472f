"""Read corrected rejections: JSON Lines as written beside a report or listed by the API, edited afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from dataforge.errors import RecordTooLong, WrongCorrection
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_BUFFER, _LINE_LIMIT = 1 << 20, 16 << 20
_LARGEST_ID = 2**63 - 1


class Correction(NamedTuple):
    """The corrected record of one rejection.

    ``key``: the rejection's id, or the ``position_key`` of one without a row in the ledger. ``raw``: the record as JSON.
    ``number``: its position among the corrections of all files. ``line``: its line in ``file``.
    """

    key: str
    raw: str
    number: int
    file: str
    line: int


def read_corrections(s3: S3Client, files: Iterable[Object]) -> Iterator[Correction]:
    """The corrections of all files. Of a line, ``raw`` is read, and ``id`` or else ``table`` and ``source``.

    Raises ``WrongCorrection``.
    """
    numbers = count()
    for file in files:
        for number, line in enumerate(_lines(s3, file), start=1):
            if line.strip():
                yield _read(file.key, number, line, next(numbers))


def _lines(s3: S3Client, file: Object) -> Iterator[bytes]:
    with open_text(s3, file) as text:
        rest = b""
        while data := text.read(_BUFFER):
            *lines, rest = (rest + data).split(b"\n")
            yield from lines
            if len(rest) > _LINE_LIMIT:
                raise RecordTooLong(file.key, 0, _LINE_LIMIT)
        yield rest


def _read(file: str, line_number: int, line: bytes, number: int) -> Correction:
    try:
        document = json.loads(line)
    except ValueError:
        raise WrongCorrection(file, line_number, "it is not JSON") from None
    if not isinstance(document, dict) or "raw" not in document:
        raise WrongCorrection(file, line_number, '"raw", the corrected record, is missing')
    key = _key(document)
    if key is None:
        raise WrongCorrection(file, line_number, '"id" is missing or is not the id of a rejection')
    raw = json.dumps(document["raw"], ensure_ascii=False)
    if "\\u0000" in raw or "\0" in raw:
        raise WrongCorrection(file, line_number, "it contains a NUL, which PostgreSQL cannot store")
    return Correction(key, raw, number, file, line_number)


def position_key(table: str, file: str, offset: int) -> str:
    """The key of a rejection that is only in the report bucket. ``fetch_without_row`` computes it in SQL."""
    return f"{table} {offset} {file}"


def _key(document: dict[str, Any]) -> str | None:
    rejection, source = document.get("id"), document.get("source")
    if rejection is None and isinstance(source, dict):
        match document.get("table"), source.get("file"), source.get("offset"):
            case str(table), str(file), int(offset) if "\0" not in table + file:
                return position_key(table, file, offset)
    if not isinstance(rejection, int) or isinstance(rejection, bool) or not 0 < rejection <= _LARGEST_ID:
        return None
    return str(rejection)
