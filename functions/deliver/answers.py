"""Responses with JSON or NDJSON: compressed if the client accepts gzip, and 304 if its copy is current."""

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
"""API Gateway limits all headers of a response to 10,240 bytes together."""
UNCOMPRESSED_BYTES = 1400
"""Bodies up to this size are not compressed: they fit into one packet."""

_NONE = re.compile(r"gzip\s*;\s*q=0(?:\.0*)?\s*(?:,|$)", re.IGNORECASE)


def page_answer(request: Request, page: Page, headers: Mapping[str, str]) -> Response:
    """A page in the format that the request accepts."""
    lines = wants_ndjson(request)
    if lines:
        body = page.lines
    else:
        following = json.dumps(page.next_cursor).encode()
        # JSON has no raw newline, so that each of them separates two rows.
        body = b'{"data":[' + page.lines[:-1].replace(b"\n", b",") + b'],"next_cursor":' + following + b"}"
    state = page.digest + (page.next_cursor or "").encode()
    all_headers = {**headers, **_link(request, page, lines)}
    return cached_answer(request, body, NDJSON if lines else JSON, all_headers, state)


def _link(request: Request, page: Page, lines: bool) -> dict[str, str]:
    """The Link header of the next page, unless it is too long. Raises ``InvalidRequest`` if NDJSON needs a longer one."""
    if page.next_cursor is None:
        return {}
    link = f'<{_next(request, page.next_cursor)}>; rel="next"'
    if len(link) <= LINK_BYTES:
        return {"Link": link}
    if lines:
        raise InvalidRequest(
            f"The address of the next page has {len(link):,} bytes, which exceeds the limit of a header.",
            hint="Use fewer or shorter filters, or request application/json, which has next_cursor.",
        )
    return {}


def cached_answer(
    request: Request, body: bytes, media: str, headers: Mapping[str, str], state: bytes | None = None
) -> Response:
    """A response with an ETag; 304 if the request has the same one.

    ``state``: content that differs if the body of this media type does; by default the body. The tag is its hash, so it
    reflects any change of the table.
    """
    content = hashlib.sha256(body if state is None else media.encode() + state)
    tag = f'W/"{content.hexdigest()[:32]}"'
    all_headers = {
        **headers,
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Accept-Encoding",
    }
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(HTTPStatus.NOT_MODIFIED, "", media, all_headers)
    if len(body) > UNCOMPRESSED_BYTES and _takes_gzip(request):
        all_headers |= {"Content-Encoding": "gzip"}
        return Response(body=gzip.compress(body, 1, mtime=0), content_type=media, headers=all_headers)
    return Response(body=body.decode(), content_type=media, headers=all_headers)


def wants_ndjson(request: Request) -> bool:
    """Whether the request accepts NDJSON."""
    return NDJSON in request.headers.get("accept", "").lower()


def _takes_gzip(request: Request) -> bool:
    """Whether the client accepts gzip. Without an Accept header, API Gateway can return a binary body as base64."""
    accepted = request.headers.get("accept-encoding", "").lower()
    return "accept" in request.headers and "gzip" in accepted and not _NONE.search(accepted)


def _has(header: str, tag: str) -> bool:
    """Whether If-None-Match contains the tag, by weak comparison (RFC 9110)."""
    known = {item.strip().removeprefix("W/") for item in header.split(",")}
    return "*" in known or tag.removeprefix("W/") in known


def _next(request: Request, cursor: str) -> str:
    """The address of the next page, relative to this one, because the function can be called under several names."""
    query = {name: values for name, values in request.query.items() if name != "cursor"}
    return "?" + urlencode({**query, "cursor": cursor}, doseq=True, quote_via=quote)
