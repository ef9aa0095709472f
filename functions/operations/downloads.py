"""Describe a finished export, with presigned URLs of its files."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter

from dataforge.api.exports import MOST_FILES, URL_SECONDS
from dataforge.aws.clients import CALLER, make_client
from dataforge.http.cursors import CursorKeys, make_cursor, read_cursor
from dataforge.runs import exports
from dataforge.runs.exports import Export, ExportFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_POSITION = TypeAdapter(Annotated[int, Field(ge=0)])
"""The number of files on the pages before."""


def describe_export(
    s3: S3Client, bucket: str, keys: CursorKeys, export_id: str, cursor: str | None = None
) -> dict[str, Any] | None:
    """The export's document with a page of its files, or None if it has expired.

    Raises ``Unavailable``, and ``InvalidRequest`` for a cursor of another query.
    """
    found = exports.read(s3, bucket, export_id)
    return None if found is None else _describe(found, keys, cursor)


def _describe(found: Export, keys: CursorKeys, cursor: str | None) -> dict[str, Any]:
    scope = ["export", found.export_id]
    start = 0 if cursor is None else read_cursor(keys, scope, cursor, _POSITION)
    end = start + MOST_FILES
    following = make_cursor(keys, scope, end) if end < len(found.files) else None
    files = [_file(file) for file in found.files[start:end]]
    return found.model_dump(mode="json") | {"files": files, "next_cursor": following}


def _file(file: ExportFile) -> dict[str, Any]:
    source = {"Bucket": file.bucket, "Key": file.key}
    if file.version:
        source["VersionId"] = file.version
    return {
        "name": file.key.rpartition("/")[2],
        "url": _signer().generate_presigned_url("get_object", Params=source, ExpiresIn=URL_SECONDS),
        "rows": file.rows,
        "size": file.size,
        "sha256": file.sha256,
    }


@cache
def _signer() -> Any:
    return make_client("s3", CALLER)
