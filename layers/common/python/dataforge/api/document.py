"""Build the OpenAPI document (3.1) from the models and the catalogue that validate requests."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from dataforge.api import audit, backups, delivery, exports, records, restores, service
from dataforge.api.describe import Document, ref
from dataforge.tables.datasets import DATASETS
from dataforge.tables.json_schema import row_schema

CAPABILITIES = (records, delivery, exports, backups, restores, audit, service)
"""In the order in which the page shows them."""

VERSION = "1"
ABOUT = """\
Store batches of records for any tables; the response has the result of each record: stored, unchanged, or rejected with all
its errors. Rejected records are stored and can be listed. Read rows page by page, with their measured quality. Start backups
and restores, and read their status.

A key has one of three kinds, which its prefix shows: `reader.…`, `writer.…`, `operator.…`; each includes the rights of the
preceding ones. HEAD is supported wherever GET is. Errors are problem documents (RFC 9457). A request that received 429,
503 or no response can be sent again: with an `Idempotency-Key` nothing is stored twice.\
"""
KEY = {
    "type": "apiKey",
    "in": "header",
    "name": "x-api-key",
    "description": "A key of this deployment. An operator creates it: `dataforge keys create --kind writer`.",
}


@cache
def document() -> str:
    """The document as JSON."""
    return json.dumps(build(), ensure_ascii=False)


def build() -> Document:
    """The document. The server's address is relative to the document's address."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Data Forge", "version": VERSION, "description": ABOUT},
        "servers": [{"url": "..", "description": "this deployment"}],
        "tags": [
            {"name": name, "description": text} for name, text in dict(c.TAG for c in CAPABILITIES).items()
        ],
        "paths": {path: item for c in CAPABILITIES for path, item in c.paths().items()},
        "components": {"schemas": _schemas(), "securitySchemes": {"key": KEY}},
    }


class _Untitled(GenerateJsonSchema):
    """Omit pydantic's titles, which repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  pydantic's signature
        return False


def _schemas() -> Document:
    _, found = models_json_schema(
        [(model, "validation") for c in CAPABILITIES for model in (*c.MODELS, *c.SHAPES)],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Untitled,
    )
    schemas: Document = found["$defs"]
    requests = {model.__name__ for c in CAPABILITIES for model in c.MODELS}
    for name, schema in schemas.items():
        del schema["title"]
        if name not in requests:
            _forbid_null(schema)
    rows = _rows()
    schemas["Record"] = _record(schemas["Record"], rows)
    return {**schemas, **rows}


def _forbid_null(schema: Document) -> None:
    """A member of an answer that may be missing is never null instead."""
    for name, member in schema["properties"].items():
        if name not in schema.get("required", ()) and {"type": "null"} in member.get("anyOf", ()):
            (schema["properties"][name],) = (kind for kind in member["anyOf"] if kind != {"type": "null"})


def _rows() -> Document:
    return {
        f"{dataset.name}.{table.name}": row_schema(table)
        for dataset in DATASETS.values()
        for table in dataset.tables.values()
    }


def _record(record: Document, rows: Document) -> Document:
    """Any table and object may be sent; a record that is not valid for its table is rejected."""
    text = record.pop("description")
    fitting = [_of_table(record, name.rpartition(".")[2], ref(name)) for name in rows]
    return {"description": text, "anyOf": [*fitting, {"title": "rejected, with errors", **record}]}


def _of_table(record: Document, table: str, row: Document) -> Document:
    members = {"table": {"type": "string", "const": table}, "data": row}
    return {**record, "title": table, "properties": members}
