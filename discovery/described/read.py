"""Find and read the descriptions among the files of a folder."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dataforge.errors import DataForgeError
from dataforge.files.names import without_compression
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object
from discovery.described.description import Description
from discovery.formats.encodings import detect_encoding
from discovery.formats.files import inspect

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PACKAGE = "datapackage.json"
_SAMPLE = 1 << 16
_LONGEST_JSON = 16 << 20


def is_description(key: str) -> bool:
    """Whether a file describes tables, by its name."""
    name = PurePosixPath(without_compression(key)).name.lower()
    return name == PACKAGE or name.endswith(".sql")


def read_descriptions(s3: S3Client, objects: Sequence[Object]) -> Description:
    """The tables of the Data Packages and the SQL files; of two descriptions of a table the first, packages first."""
    files = [file for file in objects if is_description(file.key)]
    found = [_read(s3, file, objects) for file in sorted(files, key=lambda file: not _is_package(file.key))]
    return Description(
        tuple(table for one in found for table in one.tables),
        tuple(source for one in found for source in one.sources),
        tuple(note for one in found for note in one.notes),
    )


def _is_package(key: str) -> bool:
    return PurePosixPath(without_compression(key)).name.lower() == PACKAGE


def _read(s3: S3Client, file: Object, objects: Sequence[Object]) -> Description:
    # Imported here: only folders with a description need the parser of SQL.
    from discovery.described.data_package import read_package  # noqa: PLC0415
    from discovery.described.sql_tables import read_sql  # noqa: PLC0415

    try:
        with open_text(s3, inspect(s3, file)) as stream:
            read = _decoding(stream.read)
            if not _is_package(file.key):
                return read_sql(file.key, read)
            text = read(_LONGEST_JSON)
    except (DataForgeError, OSError) as error:
        return Description(notes=(f"{file.key} is not used: {error}",))
    if len(text) == _LONGEST_JSON:
        return Description(notes=(f"{file.key} is not used: it is longer than {_LONGEST_JSON:,} characters",))
    return read_package(file.key, text, lambda path: _beside(s3, file, path, objects))


def _decoding(read: Callable[[int], bytes]) -> Callable[[int], str]:
    """Reads of characters; invalid bytes become U+FFFD."""
    sample = read(_SAMPLE)
    encoding, _ = detect_encoding(sample, whole=len(sample) < _SAMPLE)
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    rest = decoder.decode(sample)

    def characters(size: int) -> str:
        nonlocal rest
        parts, found = [rest], len(rest)
        rest = ""
        while found < size and (piece := read(size - found)):
            parts.append(decoder.decode(piece))
            found += len(parts[-1])
        return "".join(parts).removeprefix("\ufeff")

    return characters


def _beside(s3: S3Client, package: Object, path: str, objects: Sequence[Object]) -> str | None:
    """The text of a file of the folder, whose path is relative to the package's."""
    key = (PurePosixPath(package.key).parent / path).as_posix()
    file = next((one for one in objects if one.key == key), None)
    if file is None or file.size > _LONGEST_JSON:
        return None
    with open_text(s3, inspect(s3, file)) as stream:
        return _decoding(stream.read)(_LONGEST_JSON)
