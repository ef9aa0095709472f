"""Describe the routes without a key: health and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

from dataforge.api.describe import JSON, Document, answer, file, operation
from dataforge.api.shapes import Problem, Shape
from dataforge.api.site import DOCS_FILES, INDEX, PAGE_FILES

TAG = ("Service", "Health, and this documentation.")


class Health(Shape):
    """The database responded."""

    status: Literal["ok"]


class Index(Shape):
    """The entry points of the API."""

    name: str
    documentation: str
    openapi: str
    health: str


MODELS: tuple[type[BaseModel], ...] = ()
SHAPES: tuple[type[Shape], ...] = (Problem, Health, Index)


def paths() -> Document:
    """Path -> method -> operation."""
    return {
        "/v1/health": {"get": _get_health()},
        "/v1/": {"get": _get_index()},
        "/v1/page/{file}": {"get": _get_files("getPageFile", "Get a file of the start page", PAGE_FILES)},
        "/v1/openapi.json": {"get": _get_openapi()},
        "/v1/docs": {"get": _get_docs()},
        "/v1/docs/{file}": {
            "get": _get_files("getDocsFile", "Get a file of the API documentation", DOCS_FILES)
        },
    }


def _get_health() -> Document:
    return operation(
        "getHealth",
        "Get the health of the service",
        "200 only after the database has answered.",
        tag=TAG[0],
        least=None,
        answers={200: answer("The database answered.", "Health", {"status": "ok"})},
        problems=(503,),
    )


def _get_index() -> Document:
    found = operation(
        "getIndex",
        "List the entry points",
        "For a browser, a page with the datasets and their quality, which requires a reader's key. For a program, the paths "
        "that require no key.",
        tag=TAG[0],
        least=None,
        answers={200: answer("The paths, or the page.", "Index", INDEX)},
        problems=(),
    )
    found["responses"]["200"]["content"]["text/html"] = {"schema": {"type": "string"}}
    return found


def _get_openapi() -> Document:
    content = {JSON: {"schema": {"type": "object"}}}
    return operation(
        "getOpenApi",
        "This document",
        "OpenAPI 3.1, built from the models that validate records.",
        tag=TAG[0],
        least=None,
        answers={200: {"description": "The document.", "content": content}},
        problems=(),
    )


def _get_docs() -> Document:
    return operation(
        "getDocs",
        "This document, to read and to try",
        "A page that needs nothing from elsewhere.",
        tag=TAG[0],
        least=None,
        answers={200: file("The page.", "text/html")},
        problems=(),
    )


def _get_files(name: str, summary: str, files: Mapping[str, str]) -> Document:
    found = operation(
        name,
        summary,
        "Script and style, and the licence of what is not ours.",
        tag=TAG[0],
        least=None,
        answers={200: {"description": "The file.", "content": {}}},
        problems=(404,),
        parameters=[
            {
                "name": "file",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "enum": list(files)},
            }
        ],
    )
    for media in set(files.values()):
        found["responses"]["200"]["content"][media] = {"schema": {"type": "string"}}
    return found
