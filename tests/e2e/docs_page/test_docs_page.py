"""The documentation page in a real browser whose only reachable host is this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3

from local.outputs import Outputs

if TYPE_CHECKING:
    from tests.e2e.docs_page.conftest import Browser


OPERATIONS = "document.querySelectorAll('.opblock').length"


@pytest.fixture
def page(browser: Browser, cloud: Outputs) -> Browser:
    """The browser with the rendered page."""
    browser.open(cloud["api_url"] + "/v1/docs")
    browser.wait(f"{OPERATIONS} > 0")
    return browser


def test_page_shows_every_operation_of_the_document(page: Browser, cloud: Outputs, tmp_path: Path) -> None:
    answer = urllib3.request("GET", cloud["api_url"] + "/v1/openapi.json").json()["paths"]
    assert page.run(OPERATIONS) == sum(len(item) for item in answer.values())
    for path in answer:
        assert page.run(f"document.body.textContent.includes({path!r})")
    page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000


@pytest.mark.slow
def test_page_requests_no_other_host_and_violates_no_policy(page: Browser, cloud: Outputs) -> None:
    page.click("#operations-Records-postRecords .opblock-summary-control")
    page.wait("!!document.querySelector('#operations-Records-postRecords .body-param textarea')")
    asked = [url for url in page.requests if not url.startswith("data:")]
    assert len(asked) >= 4
    assert [url for url in asked if not url.startswith(cloud["api_url"] + "/v1/")] == []
    assert page.complaints == []


@pytest.mark.slow
def test_page_works_with_a_slash_at_the_end(browser: Browser, cloud: Outputs) -> None:
    browser.open(cloud["api_url"] + "/v1/docs/")
    browser.wait(f"{OPERATIONS} > 0")
    assert browser.complaints == []


@pytest.mark.slow
def test_entered_key_is_sent_and_not_stored(page: Browser, cloud: Outputs) -> None:
    page.click(".authorize.unlocked")
    page.type(".auth-container input", cloud["writer_key"])
    page.click(".auth-btn-wrapper .authorize")
    page.click(".auth-btn-wrapper .btn-done")
    block = "#operations-Records-postRecords"
    page.click(f"{block} .opblock-summary-control")
    status = (
        f"document.querySelector('{block} .live-responses-table .response .response-col_status')?.textContent"
    )
    # The example of the document is a valid batch.
    page.click(f"{block} .execute")
    assert page.wait(status).startswith("200")
    assert page.run("localStorage.length + sessionStorage.length + document.cookie.length") == 0


@pytest.mark.slow
def test_page_without_a_key_shows_the_problem(page: Browser) -> None:
    block = "#operations-Records-listRejections"
    page.click(f"{block} .opblock-summary-control")
    page.click(f"{block} .execute")
    shown = f"document.querySelector('{block} .live-responses-table')?.textContent"
    assert page.wait(f"{shown}?.includes('urn:dataforge:problem:wrong-key')")
