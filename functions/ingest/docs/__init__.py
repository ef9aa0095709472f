"""The documentation page: Swagger UI, served with its script and style, so that it works without the internet.

Swagger UI (Apache License 2.0, which is served too) comes from npm at build time; the rest is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from dataforge.api.site import DOCS_FILES
from dataforge.http import Response
from dataforge.http.pages import Asset, asset_response, page_response

_HERE = Path(__file__).parent
# Beside functions/, both in a clone and where Lambda unpacks the asset.
_SWAGGER = _HERE.parents[2] / "node_modules" / "swagger-ui-dist"

ASSETS: Mapping[str, Asset] = {
    name: Asset((_HERE if name == "page.js" else _SWAGGER) / name, media)
    for name, media in DOCS_FILES.items()
}

_LINKS = {
    "style": ASSETS["swagger-ui.css"],
    "script": ASSETS["swagger-ui-bundle.js"],
    "start": ASSETS["page.js"],
    "licence": ASSETS["LICENSE"],
}


def page(path: str) -> Response:
    """The page; ``path`` is its own address, which browsers resolve the others against."""
    inside = path.endswith("/")
    document = "../openapi.json" if inside else "openapi.json"
    return page_response(_HERE / "page.html", "" if inside else "docs/", _LINKS, document=document)


def asset(name: str) -> Response:
    """A file of the page. Raises ``NotFound``."""
    return asset_response(ASSETS, name)


def openapi() -> Response:
    """The OpenAPI document."""
    # On first use: to make it takes longer than a batch, and most instances never tell it.
    document = import_module("dataforge.api.document").document()
    return Response(body=document, headers={"Cache-Control": "public, max-age=300"})
