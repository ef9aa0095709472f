"""Limits of S3: 5 MiB as the least size of a part but the last, and 1,024 bytes of a key."""

from collections.abc import Callable
from typing import Any

from ministack.services import s3

from local.emulator.anchors import require

PART, KEY = 5 * 1024 * 1024, 1024


def apply() -> None:
    """Parts are measured when the upload is completed, as on S3."""
    require(
        "s3.sizes",
        s3,
        "_complete_multipart_upload",
        "_multipart_uploads",
        "_error",
        "fromstring",
        "ParseError",
    )
    require("s3.sizes", s3, "_put_object", "_copy_object", "_create_multipart_upload")
    complete = s3._complete_multipart_upload

    def complete_if_large(bucket: str, key: str, body: bytes, query: dict[str, Any], *others: Any) -> Any:
        upload = s3._multipart_uploads.get(s3._qp(query, "uploadId"))
        return (upload and _too_small(upload, body)) or complete(bucket, key, body, query, *others)

    s3._complete_multipart_upload = complete_if_large
    for name in ("_put_object", "_copy_object", "_create_multipart_upload"):
        setattr(s3, name, _with_short_key(getattr(s3, name)))


def _with_short_key(write: Callable[..., Any]) -> Callable[..., Any]:
    def write_short(bucket: str, key: str, *others: Any) -> Any:
        if len(key.encode("utf-8", "surrogatepass")) > KEY:
            return s3._error("KeyTooLongError", "Your key is too long", 400)
        return write(bucket, key, *others)

    return write_short


def _too_small(upload: dict[str, Any], body: bytes) -> Any:
    """The error if a part of the completed ones, except the last, is too small. Malformed XML is not."""
    try:
        found = s3.fromstring(body).iter()
    except s3.ParseError:
        return None
    numbers = sorted(int(one.text) for one in found if one.tag.endswith("PartNumber") and one.text)
    if all(upload["parts"][number]["size"] >= PART for number in numbers[:-1] if number in upload["parts"]):
        return None
    text = "Your proposed upload is smaller than the minimum allowed size"
    return s3._error("EntityTooSmall", text, 400)
