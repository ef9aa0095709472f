"""The documentation page: self-contained, with a policy that blocks external resources."""

from __future__ import annotations

import re

import pytest

from dataforge.errors import NotFound
from functions.ingest.docs_page import ASSETS, asset, page


def links(html: str) -> list[str]:
    return re.findall(r'(?:src|href|data-document)="([^"]+)"', html)


def test_page_loads_no_external_resource() -> None:
    response = page("/v1/docs")
    assert isinstance(response.body, str)
    assert not [link for link in links(response.body) if "//" in link]
    assert "<script>" not in response.body
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    ("path", "folder", "document"), [("/v1/docs", "docs/", ""), ("/v1/docs/", "", "../")]
)
def test_page_finds_its_files_with_and_without_a_slash_at_the_end(
    path: str, folder: str, document: str
) -> None:
    html = page(path).body
    assert isinstance(html, str)
    found = {link.partition("?")[0] for link in links(html)} - {"data:,"}
    assert found == {folder + name for name in ASSETS} | {f"{document}openapi.json"}


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("LICENSE", "text/plain; charset=utf-8"),
    ],
)
def test_files_have_their_media_type_and_are_cacheable(name: str, media: str) -> None:
    response = asset(name)
    assert response.content_type == media
    assert "immutable" in response.headers["Cache-Control"]
    assert response.body


def test_address_of_a_file_changes_with_its_content() -> None:
    html = page("/v1/docs").body
    assert isinstance(html, str)
    versions = re.findall(r"\?v=([0-9a-f]{12})", html)
    assert len(versions) == len(set(versions)) == 4


@pytest.mark.parametrize("name", ["nothing.js", "../handler.py", "page.html", ""])
def test_other_files_are_not_found(name: str) -> None:
    with pytest.raises(NotFound):
        asset(name)
