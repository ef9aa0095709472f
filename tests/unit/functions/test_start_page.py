"""The start page: self-contained, without data, with a policy that blocks external resources."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dataforge.errors import NotFound
from functions.deliver.handler import router
from functions.deliver.start_page import ASSETS, asset, page


def ask(path: str, accept: str | None) -> dict[str, Any]:
    headers = {} if accept is None else {"Accept": accept}
    return router.answer({"httpMethod": "GET", "path": path, "headers": headers})


def links(html: str) -> set[str]:
    return {link.partition("?")[0] for link in re.findall(r'(?:src|href)="([^"]+)"', html)} - {"data:,"}


@pytest.mark.parametrize(("path", "base"), [("/v1", "v1/"), ("/v1/", "")])
def test_page_finds_its_files_with_and_without_a_slash_at_the_end(path: str, base: str) -> None:
    html = str(page(path).body)
    assert links(html) == {
        *(f"{base}page/{name}" for name in ASSETS),
        *(f"{base}{name}" for name in ("docs", "openapi.json", "health")),
    }
    assert f'data-base="{base}"' in html


def test_browsers_get_the_page_and_programs_the_paths() -> None:
    browser = "text/html,application/xhtml+xml,*/*;q=0.8"
    assert ask("/v1/", browser)["headers"]["Content-Type"] == "text/html; charset=utf-8"
    for accept in (None, "*/*", "application/json"):
        answer = ask("/v1", accept)
        assert json.loads(answer["body"])["documentation"] == "/v1/docs"


def test_page_runs_only_its_own_script_and_loads_no_external_resource() -> None:
    answer = page("/v1/")
    html = str(answer.body)
    assert "<script>" not in html
    assert "<style" not in html
    assert not re.search(r"\son\w+=|style=", html)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for found in ASSETS.values():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", found.text)


def test_files_are_cacheable_and_other_files_are_not_found() -> None:
    for name, found in ASSETS.items():
        response = asset(name)
        assert response.content_type == f"{found.media}; charset=utf-8"
        assert "immutable" in response.headers["Cache-Control"]
    for name in ("page.html", "../handler.py", ""):
        with pytest.raises(NotFound):
            asset(name)
