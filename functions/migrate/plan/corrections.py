"""Corrected rejections: JSON Lines as they lie beside a report, or as the API lists them, after somebody edited them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from dataforge.errors import RecordTooLong, WrongCorrection
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


Correction = tuple[int, str, int, str, int]
"""A rejection's id, the record as JSON, its number in all files, and where that stands: file and line."""

_PIECE, _LINE_LIMIT = 1 << 20, 16 << 20
_LARGEST_ID = 2**63 - 1


def read_corrections(s3: S3Client, files: Iterable[Object]) -> Iterator[Correction]:
    """The corrections of all files; of a line only ``id`` and ``raw`` count. Raises ``WrongCorrection``."""
    numbers = count()
    for file in files:
        for number, line in enumerate(_lines(s3, file), start=1):
            if line.strip():
                yield _read(file.key, number, line, next(numbers))


def _lines(s3: S3Client, file: Object) -> Iterator[bytes]:
    with open_text(s3, file) as text:
        rest = b""
        while piece := text.read(_PIECE):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
            if len(rest) > _LINE_LIMIT:
                raise RecordTooLong(file.key, 0, _LINE_LIMIT)
        yield rest


def _read(file: str, number: int, line: bytes, place: int) -> Correction:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise WrongCorrection(file, number, "it is not JSON") from error
    if not isinstance(document, dict) or "raw" not in document:
        raise WrongCorrection(file, number, 'it has no "raw", the corrected record')
    found = document.get("id")
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found <= _LARGEST_ID:
        raise WrongCorrection(file, number, 'it has no "id" of a rejection')
    raw = json.dumps(document["raw"], ensure_ascii=False)
    if "\\u0000" in raw or "\0" in raw:
        raise WrongCorrection(file, number, "it holds a NUL, which PostgreSQL cannot")
    return found, raw, place, file, number
