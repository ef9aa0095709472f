"""The start page in a real browser whose only reachable host is this machine: light and dark, with and without a key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3

from dataforge.tables.datasets import DATASETS
from local.outputs import Outputs

if TYPE_CHECKING:
    from tests.e2e.docs_page.conftest import Browser


SHOWN = "document.querySelectorAll('section').length"
NOTE = "document.querySelector('#note.bad')?.textContent"


@pytest.fixture
def page(browser: Browser, cloud: Outputs) -> Browser:
    """The browser with the open page."""
    browser.open(cloud["api_url"] + "/v1/")
    browser.wait("document.readyState === 'complete'")
    return browser


def show(page: Browser, key: str) -> None:
    page.run("document.getElementById('key').value = ''")
    page.type("#key", key)
    page.click("#ask button")


def test_page_with_a_reader_key_shows_datasets_and_quality(
    page: Browser, cloud: Outputs, tmp_path: Path
) -> None:
    record = {"table": "tags", "data": {"name": "wisdom"}}
    sent = urllib3.request(
        "POST",
        cloud["api_url"] + "/v1/records",
        json={"dataset": "quotes", "records": [record]},
        headers={"x-api-key": cloud["writer_key"]},
    )
    assert sent.status == 200
    show(page, cloud["reader_key"])
    assert page.wait(SHOWN) == len(DATASETS)
    text = page.run("document.querySelector('#datasets').textContent")
    for word in ("olist", "quotes", "order_items", "quote_tags", "100.00 %"):
        assert word in text
    assert page.run("document.querySelectorAll('svg circle').length") >= 2
    assert page.complaints == []
    asked = [url for url in page.requests if not url.startswith("data:")]
    assert len(asked) >= 6
    assert [url for url in asked if not url.startswith(cloud["api_url"] + "/v1/")] == []
    assert page.run("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000


@pytest.mark.slow
def test_page_has_a_light_and_a_dark_scheme(page: Browser) -> None:
    def paper(scheme: str) -> tuple[int, ...]:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.command("Emulation.setEmulatedMedia", features=features)
        colour = page.run("getComputedStyle(document.body).backgroundColor")
        return tuple(int(part) for part in colour.strip("rgb()").split(","))

    assert min(paper("light")) > 200
    assert max(paper("dark")) < 60


@pytest.mark.slow
def test_page_with_a_wrong_key_shows_an_error_and_no_data(page: Browser) -> None:
    assert page.run(SHOWN) == 0
    show(page, "reader." + "0" * 48)
    assert "key" in page.wait(NOTE)
    assert page.run(SHOWN) == 0
