"""Lock every new version as Object Lock does: also those of multipart uploads and copies, and only with a checksum.

The emulator applies a bucket's default retention only to objects of PutObject, and accepts locked ones without a checksum.
"""

from typing import Any

from ministack.services import s3

from local.emulator.anchors import require

CHECKSUMS = ("content-md5", "x-amz-checksum-", "x-amz-trailer", "x-amz-sdk-checksum-algorithm")


def apply() -> None:
    """PutObject then overwrites the default with the retention that its headers contain."""
    require("s3.object_lock", s3, "_record_object_version", "_apply_object_lock_from_headers")
    require("s3.object_lock", s3, "_put_object", "_bucket_object_lock", "_error")
    record, put = s3._record_object_version, s3._put_object

    def record_locked(bucket: str, key: str, prior: Any, new: dict[str, Any], data: Any) -> Any:
        version = record(bucket, key, prior, new, data)
        s3._apply_object_lock_from_headers(bucket, key, {}, new.get("version_id"))
        return version

    def put_with_checksum(bucket: str, key: str, body: bytes, headers: dict[str, str]) -> Any:
        return _without_checksum(bucket, headers) or put(bucket, key, body, headers)

    s3._record_object_version = record_locked
    s3._put_object = put_with_checksum


def _without_checksum(bucket: str, headers: dict[str, str]) -> Any:
    lock = s3._bucket_object_lock.get(bucket)
    locks = lock and (lock.get("default_retention") or headers.get("x-amz-object-lock-mode"))
    if not locks or any(name.startswith(CHECKSUMS) for name in headers):
        return None
    text = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
    return s3._error("InvalidRequest", text, 400)
