"""Pages for people: a template and the files that it loads, from a folder beside the code, closed to everything else."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dataforge.http.errors import NotFound
from dataforge.http.message import Response

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy of a page: nothing from elsewhere, no script in the page itself."""


@dataclass(frozen=True)
class Asset:
    """A file that a page loads."""

    path: Path
    media: str

    @cached_property
    def text(self) -> str:
        """The file's content."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def version(self) -> str:
        """Changes with the content."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def page_response(template: Path, prefix: str, links: Mapping[str, Asset], **others: str) -> Response:
    """A page, in whose template each of ``links`` and ``others`` is a $name; files lie below ``prefix``."""
    addresses = {name: f"{prefix}{asset.path.name}?v={asset.version}" for name, asset in links.items()}
    html = string.Template(template.read_text(encoding="utf-8")).substitute(addresses, **others)
    return Response(
        body=html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY}
    )


def asset_response(assets: Mapping[str, Asset], name: str) -> Response:
    """A page's file. Its address changes with its content, so it may be kept. Raises ``NotFound``."""
    found = assets.get(name)
    if found is None:
        raise NotFound(f"The page has no file {name[:100]!r}.")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(body=found.text, content_type=f"{found.media}; charset=utf-8", headers=headers)
