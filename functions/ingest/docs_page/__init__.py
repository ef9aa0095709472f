"""The documentation page: Swagger UI, served with its script and style sheet, so that it works offline.

Swagger UI (Apache License 2.0) comes from npm at build time. Its license is served too.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from dataforge.api.site import DOCS_FILES
from dataforge.http import Response
from dataforge.http.pages import Asset, asset_response, page_response

_HERE = Path(__file__).parent
# Beside functions/, both in a clone and where Lambda unpacks the asset.
_SWAGGER = _HERE.parents[2] / "node_modules" / "swagger-ui-dist"

ASSETS = {
    name: Asset((_HERE if name == "page.js" else _SWAGGER) / name, media)
    for name, media in DOCS_FILES.items()
}


def page(path: str) -> Response:
    """The page at ``path``, which is ``/v1/docs`` or ``/v1/docs/``: browsers resolve relative links against it."""
    inside = path.endswith("/")
    document = "../openapi.json" if inside else "openapi.json"
    return page_response(_HERE / "page.html", "" if inside else "docs/", ASSETS, document=document)


def asset(name: str) -> Response:
    """A file of the page. Raises ``NotFound``."""
    return asset_response(ASSETS, name)


def openapi() -> Response:
    """The OpenAPI document."""
    # Imported on first use: building the document takes longer than a batch, and most instances never serve it.
    document = import_module("dataforge.api.document").document()
    return Response(body=document, headers={"Cache-Control": "public, max-age=300"})
