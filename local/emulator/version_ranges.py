"""Answer a range of a version of an object, as S3 does. The emulator answers the whole version."""

from typing import Any

from ministack.services import s3

from local.emulator.anchors import require

OK, PARTIAL_CONTENT = 200, 206
Answer = tuple[int, dict[str, str], bytes]


def apply() -> None:
    """Rejected records beyond the budget are read as ranges of the version of their file."""
    require("version_ranges", s3, "_get_object", "_parse_range")
    get_object = s3._get_object

    def get_range(bucket: str, key: str, headers: Any, query: Any = None) -> Answer:
        answer: Answer = get_object(bucket, key, headers, query)
        return _part(answer, headers.get("range", "")) if (query or {}).get("versionId") else answer

    s3._get_object = get_range


def _part(answer: Answer, asked: str) -> Answer:
    status, headers, body = answer
    found = s3._parse_range(asked, len(body)) if status == OK and asked else None
    if found is None:
        return answer
    first, last = found
    part = body[first : last + 1]
    length, place = str(len(part)), f"bytes {first}-{last}/{len(body)}"
    # A checksum is that of the whole object, which clients would compare with the part.
    others = {name: value for name, value in headers.items() if "checksum" not in name.lower()}
    return PARTIAL_CONTENT, others | {"Content-Length": length, "Content-Range": place}, part
