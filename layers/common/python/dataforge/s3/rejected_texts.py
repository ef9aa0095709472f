"""The rejected records of a batch that the database does not store: one object per batch, one line of JSON per record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict

from dataforge.errors import UnusableBucket
from dataforge.s3.keys import rejected_texts_key
from dataforge.s3.objects import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Location(BaseModel):
    """The bytes of an object of the report bucket that hold a record, as the column ``raw_at`` stores them."""

    model_config = ConfigDict(frozen=True)

    key: str
    offset: int
    length: int

    @property
    def end(self) -> int:
        """The byte after the last."""
        return self.offset + self.length


def locate(batch_id: str, documents: Iterable[str]) -> tuple[bytes, list[Location]]:
    """The object with these documents, and the location of each."""
    key, body, locations = rejected_texts_key(batch_id), bytearray(), []
    for document in documents:
        data = document.encode()
        locations.append(Location(key=key, offset=len(body), length=len(data)))
        body += data + b"\n"
    return bytes(body), locations


def read(s3: S3Client, bucket: str, locations: Iterable[Location]) -> Iterator[tuple[Location, str | None]]:
    """The documents at these locations; None for one that cannot be read. One request for the locations of an object.

    Locations of one object follow each other, in any order. Raises ``Unavailable``.
    """
    for key, found in groupby(locations, attrgetter("key")):
        places = list(found)
        start, end = min(p.offset for p in places), max(p.end for p in places)
        data = _read(s3, bucket, key, start, end)
        for place in places:
            part = None if data is None else data[place.offset - start : place.end - start].decode()
            yield place, part


def _read(s3: S3Client, bucket: str, key: str, start: int, end: int) -> bytes | None:
    try:
        with translated(bucket, key):
            answer = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}")
            return bytes(answer["Body"].read())
    except UnusableBucket:
        # Without the right to list the bucket, S3 denies access to an object that does not exist.
        return None
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            return None
        raise
