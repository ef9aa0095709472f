"""HTML pages: Jinja2 templates, Content-Security-Policy and static files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge.errors import NotFound
from dataforge.http.message import Response
from dataforge.visible import visible

if TYPE_CHECKING:
    from jinja2 import Environment

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
"""Content-Security-Policy of a served page: files of the same origin only, no inline script or style."""


def inline_policy(style: str) -> str:
    """Content-Security-Policy of a page in one file: the inline style sheet ``style`` and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def templates(folder: Path, *filters: Callable[..., object]) -> Environment:
    """The templates in ``folder``. Each function in ``filters`` is a filter under its own name.

    Values are escaped unless they are ``markupsafe.Markup``, and their control characters are symbols. An undefined
    variable is an error.
    """
    # Imported on first use: the import takes 65 ms, and most cold starts do not render a page.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {function.__name__: function for function in filters}
    return environment


def _visible(value: object) -> object:
    return visible(value) if type(value) is str else value


@dataclass(frozen=True)
class Asset:
    """A static file of a page."""

    path: Path
    media: str

    @cached_property
    def text(self) -> str:
        """The file's content."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def version(self) -> str:
        """The first 12 hex digits of the content's SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def page_response(template: Path, prefix: str, assets: Mapping[str, Asset], **values: str) -> Response:
    """Render ``template`` with ``values``. In it, ``link(name)`` is the address of an asset, below ``prefix``."""

    def link(name: str) -> str:
        return f"{prefix}{name}?v={assets[name].version}"

    html = templates(template.parent).get_template(template.name).render(values, link=link)
    return Response(
        body=html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY}
    )


def asset_response(assets: Mapping[str, Asset], name: str) -> Response:
    """A static file. Clients may cache it for a year, because its address contains its version. Raises ``NotFound``."""
    asset = assets.get(name)
    if asset is None:
        raise NotFound(f"There is no file {name[:100]!r}.")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(body=asset.text, content_type=f"{asset.media}; charset=utf-8", headers=headers)
