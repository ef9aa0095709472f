"""Name the files and paths that need no key, for the pages and the OpenAPI document."""

from __future__ import annotations

INDEX = {
    "name": "Data Forge",
    "documentation": "/v1/docs",
    "openapi": "/v1/openapi.json",
    "health": "/v1/health",
}
"""Paths below the address of the API."""

PAGE_FILES = {
    "page.css": "text/css",
    **dict.fromkeys(("layout.js", "picture.js", "page.js"), "text/javascript"),
}
"""The media types of the start page's files."""

DOCS_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "page.js": "text/javascript",
    "LICENSE": "text/plain",
}
"""The media types of the documentation page's files."""
