"""The documentation page: Swagger UI, served with its script and style, so that it works without the internet.

Swagger UI (Apache License 2.0, which is served too) comes from npm at build time; the rest is here.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from dataforge.api.site import DOCS_FILES
from dataforge.http import Response
from dataforge.http.errors import NotFound

_HERE = Path(__file__).parent
# Beside functions/, both in a clone and where Lambda unpacks the asset.
_SWAGGER = _HERE.parents[2] / "node_modules" / "swagger-ui-dist"

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
"""Content-Security-Policy of the page: nothing from elsewhere, no script in the page itself."""


@dataclass(frozen=True)
class Asset:
    """A file that the page loads."""

    path: Path
    media: str

    @property
    def text(self) -> str:
        """The file's content."""
        return self.path.read_text(encoding="utf-8")


ASSETS: Mapping[str, Asset] = {
    name: Asset((_HERE if name == "page.js" else _SWAGGER) / name, media)
    for name, media in DOCS_FILES.items()
}

_LINKS = {
    "style": "swagger-ui.css",
    "script": "swagger-ui-bundle.js",
    "start": "page.js",
    "licence": "LICENSE",
}


def page(path: str) -> Response:
    """The page; ``path`` is its own address, which browsers resolve the others against."""
    inside = path.endswith("/")
    template = string.Template((_HERE / "page.html").read_text(encoding="utf-8"))
    html = template.substitute(
        {name: f"{'' if inside else 'docs/'}{file}?v={_version(file)}" for name, file in _LINKS.items()},
        document="../openapi.json" if inside else "openapi.json",
    )
    return Response(
        body=html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY}
    )


def asset(name: str) -> Response:
    """A file of the page. Its address changes with its content, so it may be kept. Raises ``NotFound``."""
    found = ASSETS.get(name)
    if found is None:
        raise NotFound(f"The page has no file {name[:100]!r}.")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(body=found.text, content_type=f"{found.media}; charset=utf-8", headers=headers)


def openapi() -> Response:
    """The OpenAPI document."""
    # On first use: to make it takes longer than a batch, and most instances never tell it.
    document = import_module("dataforge.api.document").document()
    return Response(body=document, headers={"Cache-Control": "public, max-age=300"})


@cache
def _version(name: str) -> str:
    return hashlib.sha256(ASSETS[name].text.encode()).hexdigest()[:12]
