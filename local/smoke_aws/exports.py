"""Check that an export succeeds and its files can be downloaded by URL, without a key."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import urllib3

from local.smoke_aws.until import NotProved, until

_SECONDS = 300.0


def prove_export(api_url: str, key: str, table: str) -> int:
    """Export a table and download its files. Returns the number of rows. Raises ``NotProved``."""
    started = _call("POST", f"{api_url}/v1/exports", key, {"table": table, "format": "ndjson"})

    def ended() -> dict[str, Any] | None:
        found = _call("GET", f"{api_url}/v1/exports/{started['id']}", key)
        return None if found["status"] == "running" else found

    export = until(f"the end of export {started['id']}", ended, _SECONDS, pause=1)
    if export["status"] != "succeeded":
        raise NotProved(f"Export {started['id']} failed: {export.get('error')}: {export.get('cause')}")
    return sum(prove_download(file) for file in export["output"]["files"])


def prove_download(file: dict[str, Any]) -> int:
    """Download a file of an export by its URL. Returns its number of rows."""
    answer = urllib3.request("GET", file["url"], timeout=40, redirect=False)
    if answer.status != 200:
        raise NotProved(f"The address of {file['name']} answers {answer.status}: {answer.data[:500]!r}")
    if (len(answer.data), hashlib.sha256(answer.data).hexdigest()) != (file["size"], file["sha256"]):
        raise NotProved(f"{file['name']} is not the file that the export describes.")
    return int(file["rows"])


def _call(method: str, url: str, key: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"x-api-key": key, "content-type": "application/json"}
    body = None if document is None else json.dumps(document)
    answer = urllib3.request(method, url, headers=headers, body=body, timeout=40)
    if answer.status >= 300:
        raise NotProved(f"{method} {url} answers {answer.status}: {answer.data[:500]!r}")
    found: dict[str, Any] = answer.json()
    return found
