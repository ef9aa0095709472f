"""The start page: what datasets there are and how good they are. It holds no data: it asks, with a key that is entered."""

from __future__ import annotations

from pathlib import Path

from dataforge.api.site import PAGE_FILES
from dataforge.http import Response
from dataforge.http.pages import Asset, asset_response, page_response

_HERE = Path(__file__).parent

ASSETS = {name: Asset(_HERE / name, media) for name, media in PAGE_FILES.items()}
_LINKS = {"style": ASSETS["page.css"], "script": ASSETS["page.js"]}


def page(path: str) -> Response:
    """The page; ``path`` is its own address, which browsers resolve the others against."""
    base = "" if path.endswith("/") else "v1/"
    return page_response(_HERE / "page.html", f"{base}page/", _LINKS, base=base)


def asset(name: str) -> Response:
    """A file of the page. Raises ``NotFound``."""
    return asset_response(ASSETS, name)
