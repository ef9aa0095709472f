"""The rejected records that the database does not store: lines of objects of the report bucket, or parts of source files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict

from dataforge.errors import UnusableBucket
from dataforge.formats.dialect import recoded
from dataforge.records.rejections import raw_text
from dataforge.s3.keys import rejected_texts_key
from dataforge.s3.objects import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


GAP_BYTES = 256 << 10
"""The most unneeded bytes between two records that one request reads."""

REQUEST_BYTES = 8 << 20
"""The most bytes that one request reads, unless a single record is larger."""


class Location(BaseModel):
    """The bytes of an object that hold a record, as the column ``raw_at`` stores them.

    An object of the report bucket has the record and its errors as JSON. A source object has a ``bucket`` and a
    ``version``, and the record as text in the encoding ``codec``.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    offset: int
    length: int
    bucket: str = ""
    version: str = ""
    codec: str = "utf-8"

    @property
    def end(self) -> int:
        """The byte after the last."""
        return self.offset + self.length

    @property
    def in_source(self) -> bool:
        """Whether the record is part of a source object."""
        return bool(self.bucket)

    def as_json(self) -> str:
        """The stored document."""
        return self.model_dump_json(exclude_defaults=True)


def locate(batch_id: str, documents: Iterable[str]) -> tuple[bytes, list[Location]]:
    """The object with these documents, and the location of each."""
    key, body, locations = rejected_texts_key(batch_id), bytearray(), []
    for document in documents:
        data = document.encode()
        locations.append(Location(key=key, offset=len(body), length=len(data)))
        body += data + b"\n"
    return bytes(body), locations


def ranges(locations: Iterable[Location]) -> Iterator[list[Location]]:
    """The locations that one request reads: those that follow each other in an object with small gaps."""
    places: list[Location] = []
    for location in locations:
        if places and not _continues(places, location):
            yield places
            places = []
        places.append(location)
    if places:
        yield places


def _continues(places: list[Location], location: Location) -> bool:
    first, last = places[0], places[-1]
    return (
        (first.bucket, first.key, first.version) == (location.bucket, location.key, location.version)
        and last.offset <= location.offset <= last.end + GAP_BYTES
        and location.end - first.offset <= REQUEST_BYTES
    )


def read(s3: S3Client, bucket: str, locations: Iterable[Location]) -> Iterator[tuple[Location, str | None]]:
    """The documents at these locations, in their order; None for one that cannot be read.

    ``bucket``: the report bucket. A document has ``raw``, and ``errors`` unless the record is part of a source object.
    Raises ``Unavailable``.
    """
    for places in ranges(locations):
        start, end = places[0].offset, max(place.end for place in places)
        data = _read(s3, bucket, places[0], start, end)
        for place in places:
            part = None if data is None else data[place.offset - start : place.end - start]
            yield place, None if part is None or len(part) < place.length else _document(place, part)


def complete(document: str, location: Location, record: str | None) -> str:
    """The document of a rejection with its record, which is null and marked by ``cut`` if it could not be read.

    If the record is part of a source object, ``source`` has its version and length.
    """
    found: dict[str, Any] = json.loads(document)
    if location.in_source:
        found["source"] |= {"version": location.version, "length": location.length}
    if record is None:
        return json.dumps(found | {"cut": True}, ensure_ascii=False)
    # The record is not parsed, because its numbers are exact.
    del found["raw"]
    if not location.in_source:
        del found["errors"]
    return f"{json.dumps(found, ensure_ascii=False)[:-1]},{record[1:]}"


def _document(location: Location, part: bytes) -> str:
    if not location.in_source:
        return part.decode()
    raw = part if location.codec == "utf-8" else recoded(part, location.codec)
    return json.dumps({"raw": raw_text(raw)}, ensure_ascii=False)


def _read(s3: S3Client, bucket: str, place: Location, start: int, end: int) -> bytes | None:
    where: Any = {"Bucket": place.bucket or bucket, "Key": place.key}
    if place.version:
        where["VersionId"] = place.version
    try:
        with translated(where["Bucket"], place.key):
            return bytes(s3.get_object(**where, Range=f"bytes={start}-{end - 1}")["Body"].read())
    except UnusableBucket:
        # Without the right to list the bucket, S3 denies access to an object that does not exist.
        return None
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status in {
            HTTPStatus.NOT_FOUND,
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        }:
            return None
        raise
