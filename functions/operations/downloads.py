"""A finished export as its callers are told of it: with addresses that files can be downloaded from for a while."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from dataforge import exports
from dataforge.api.exports import URL_SECONDS
from dataforge.exports import Export, ExportFile


def tell_export(s3: Any, bucket: str, export_id: str) -> dict[str, Any] | None:
    """The export's document; None if it is gone. Raises ``Unavailable``."""
    found = exports.read(s3, bucket, export_id)
    return None if found is None else _tell(found)


def _tell(found: Export) -> dict[str, Any]:
    return found.model_dump(mode="json") | {"files": [_file(file) for file in found.files]}


def _file(file: ExportFile) -> dict[str, Any]:
    place = {"Bucket": file.bucket, "Key": file.key}
    return {
        "name": file.key.rpartition("/")[2],
        "url": _signer().generate_presigned_url("get_object", Params=place, ExpiresIn=URL_SECONDS),
        "rows": file.rows,
        "size": file.size,
        "sha256": file.sha256,
    }


@cache
def _signer() -> Any:
    # Version 4 is what every region takes; by default botocore signs addresses as only the oldest do.
    return boto3.client("s3", config=Config(signature_version="s3v4"))
