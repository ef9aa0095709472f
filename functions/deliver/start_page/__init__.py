"""The start page: datasets and their quality.

The page itself contains no data. Its script calls the API with a key that the user enters.
"""

from __future__ import annotations

from pathlib import Path

from dataforge.api.site import PAGE_FILES
from dataforge.http import Response
from dataforge.http.pages import Asset, asset_response, page_response

_HERE = Path(__file__).parent

ASSETS = {name: Asset(_HERE / name, media) for name, media in PAGE_FILES.items()}


def page(path: str) -> Response:
    """The page at ``path``, which is ``/v1`` or ``/v1/``: browsers resolve relative links against it."""
    base = "" if path.endswith("/") else "v1/"
    return page_response(_HERE / "page.html", f"{base}page/", ASSETS, base=base)


def asset(name: str) -> Response:
    """A file of the page. Raises ``NotFound``."""
    return asset_response(ASSETS, name)
