"""Answers as they travel: JSON or NDJSON, compressed where the caller takes it, and not at all where he has it already."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlencode

from dataforge.errors import InvalidRequest
from dataforge.http import Request, Response
from functions.deliver.records.page import Page

JSON, NDJSON = "application/json", "application/x-ndjson"
LINK_BYTES = 8_000
"""API Gateway lets all headers of an answer have 10,240 bytes together."""
SMALL = 1400
"""Bytes that fit into one packet: to compress them would gain nothing."""

_NONE = re.compile(r"gzip\s*;\s*q=0(?:\.0*)?\s*(?:,|$)", re.IGNORECASE)


def page_answer(request: Request, page: Page, headers: Mapping[str, str]) -> Response:
    """A page as the request wants it."""
    lines = wants_ndjson(request)
    if lines:
        body = b"".join(row + b"\n" for row in page.rows)
    else:
        following = json.dumps(page.next_cursor).encode()
        body = b'{"data":[' + b",".join(page.rows) + b'],"next_cursor":' + following + b"}"
    return cached_answer(request, body, NDJSON if lines else JSON, {**headers, **_link(request, page, lines)})


def _link(request: Request, page: Page, lines: bool) -> dict[str, str]:
    """The next page's address, where a header can hold it. Raises ``InvalidRequest`` where nothing else would tell it."""
    if page.next_cursor is None:
        return {}
    link = f'<{_next(request, page.next_cursor)}>; rel="next"'
    if len(link) <= LINK_BYTES:
        return {"Link": link}
    if lines:
        raise InvalidRequest(
            f"The next page's address would have {len(link):,} bytes, which no header can hold. Use fewer or shorter "
            "filters, or ask for application/json, which has next_cursor."
        )
    return {}


def cached_answer(request: Request, body: bytes, media: str, headers: Mapping[str, str]) -> Response:
    """An answer that its caller may keep, and ask for again by its ETag: 304 if it is still the same.

    The tag is a hash of the body, so it is right whoever changed the table, and however.
    """
    tag = f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    told = {**headers, "ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding"}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(HTTPStatus.NOT_MODIFIED, "", media, told)
    if len(body) > SMALL and _takes_gzip(request):
        told |= {"Content-Encoding": "gzip"}
        return Response(body=gzip.compress(body, 1, mtime=0), content_type=media, headers=told)
    return Response(body=body.decode(), content_type=media, headers=told)


def wants_ndjson(request: Request) -> bool:
    """Whether lines were asked for, rather than one document."""
    return NDJSON in request.headers.get("accept", "").lower()


def _takes_gzip(request: Request) -> bool:
    """Whether bytes may be answered. To those who do not say what they accept, API Gateway may hand on base64 as it is."""
    accepted = request.headers.get("accept-encoding", "").lower()
    return "accept" in request.headers and "gzip" in accepted and not _NONE.search(accepted)


def _has(header: str, tag: str) -> bool:
    """Whether If-None-Match names the tag; weak or strong makes no difference to it (RFC 9110)."""
    known = {item.strip().removeprefix("W/") for item in header.split(",")}
    return "*" in known or tag.removeprefix("W/") in known


def _next(request: Request, cursor: str) -> str:
    """The next page's address, relative to the present one: the function does not know under which name it is called."""
    query = {name: values for name, values in request.query.items() if name != "cursor"}
    return "?" + urlencode({**query, "cursor": cursor}, doseq=True, quote_via=quote)
