"""Locate records in the objects that a run reads, at their versions."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from dataforge.files.names import is_parquet
from dataforge.formats.dialect import with_record_end
from dataforge.records.rejections import RAW_LIMIT, Located
from dataforge.s3.objects import Object, translated
from dataforge.s3.rejected_texts import Location
from dataforge.tables.catalogue import Dataset, Source

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


_FILE = """
    SELECT source, record_end, bucket, key, etag, size, compression, archive FROM dataforge.migration_files
    WHERE migration_id = %s AND key = %s
"""


@dataclass(frozen=True)
class _Text:
    """A version of an object that is a text: a range of its bytes is a record."""

    bucket: str
    key: str
    version: str
    codec: str


class SourceTexts:
    """The files of a run, looked up when the first of their records is located."""

    def __init__(self, cursor: Cursor, s3: S3Client, run_id: str, dataset: Dataset) -> None:
        self._cursor, self._s3, self._run_id = cursor, s3, run_id
        self._sources = {source.file: source for source in dataset.sources}
        self._texts: dict[str, _Text | None] = {}

    def locate(self, record: Located) -> Location | None:
        """The location of a record; None if it cannot be read from its object alone.

        That is so in compressed files, archives and Parquet, in dialects that are read in one piece, such as UTF-16, in
        buckets without versions, and for records of more than 1 MiB, of which only the beginning is stored.
        """
        if not 0 < record.length <= RAW_LIMIT:
            return None
        if record.file not in self._texts:
            self._texts[record.file] = self._text(record.file)
        text = self._texts[record.file]
        if text is None:
            return None
        return Location(
            key=text.key,
            offset=record.offset,
            length=record.length,
            bucket=text.bucket,
            version=text.version,
            codec=text.codec,
        )

    def _text(self, key: str) -> _Text | None:
        self._cursor.execute(_FILE, (self._run_id, key))
        row = self._cursor.fetchone()
        source = self._sources.get(row[0]) if row else None
        if row is None or source is None:
            return None
        file = Object(*row[2:])
        codec = _codec(source, file, row[1])
        version = "" if codec is None else self._version(file)
        return _Text(file.bucket, file.key, version, codec) if codec and version else None

    def _version(self, file: Object) -> str:
        """The id of the version that the run reads; empty if it is not the current one, or the bucket has no versions."""
        try:
            with translated(file.bucket, file.key):
                head = self._s3.head_object(Bucket=file.bucket, Key=file.key, IfMatch=file.etag)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status in {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED}:
                return ""
            raise
        version = head.get("VersionId", "")
        return "" if version == "null" else version


def _codec(source: Source, file: Object, record_end: str | None) -> str | None:
    """The encoding of a file whose records are ranges of its bytes; None for others."""
    if file.compression or file.archive or is_parquet(file.key):
        return None
    if source.is_json_lines(file.key):
        return "utf-8"
    dialect = with_record_end(source.dialect, record_end)
    return dialect.codec if dialect.is_parallel else None
