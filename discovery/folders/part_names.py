"""The names of a table's parts: what distinguishes them is a number, a date, a month or a digest."""

from __future__ import annotations

import re

_MONTHS = (
    "jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|m[aä]e?rz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?"
    "|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
)
_DATE = re.compile(
    # 2024-01-31, 20240131T101500Z, 2024-2025, 2024Q1, 2024_H2, 31.12.2024
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}(?:[-_. ]?(?:[0-9]{2}|[0-9]{4}|[QqHhWw][0-9]{1,2}))*(?:[-_T ]?[0-9]{4,6}Z?)?"
    r"|[0-9]{1,2}[-_.][0-9]{1,2}[-_.](?:19|20)?[0-9]{2}|[QqHh][1-4](?![0-9A-Za-z]))(?![0-9])"
)
_MONTH = re.compile(rf"(?<![^\W\d_])(?:{_MONTHS})(?![^\W\d_])", re.IGNORECASE)
_CODEC = re.compile(r"[.](?:snappy|gz|gzip|zstd|lz4|lz4_raw|lzo|brotli|zlib|uncompressed)$", re.IGNORECASE)
_DIGEST = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?:[-_.]c[0-9]+)?"
    r"|(?<![0-9A-Za-z])(?=[a-f]*[0-9])[0-9a-f]{16,64}(?![0-9A-Za-z])"
)
_PART = re.compile(
    r"(?<![^\W\d_])(?:part|chunk|split|shard|batch|page|teil|seite)[-_. ]*[0-9]+(?:[-_. ]*(?:of|von)[-_. ]*[0-9]+)?"
    r"|(?<![0-9])[0-9]+[-_. ]*(?:of|von)[-_. ]*[0-9]+|(?<![0-9])0[0-9]{1,}(?![0-9])",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[-_. (]*[0-9]+(?:[-_.][0-9]+)*\)?$")
_EDGES = re.compile(r"^[-_. ()]+|[-_. ()]+$")
_GAPS = re.compile(r"([-_. ])[-_. ()]+")


def without_part(stem: str) -> str:
    """The stem without what distinguishes a part: equal for the parts of one table, empty if nothing else is left."""
    return _shortened(_NUMBER.sub("", _certain(stem)))


def is_certain(stem: str) -> bool:
    """Whether what distinguishes the part is more than a number: a date, a month, a digest, the number of a part."""
    return _NUMBER.search(_shortened(_certain(stem))) is None


def _certain(stem: str) -> str:
    for pattern in (_CODEC, _DIGEST, _DATE, _PART, _MONTH):
        stem = pattern.sub("", stem)
    return stem


def _shortened(stem: str) -> str:
    return _GAPS.sub(r"\1", _EDGES.sub("", stem))
