"""The API's paths, for the OpenAPI document."""

from __future__ import annotations

from dataforge.datasets import DATASETS
from dataforge.http import Kind
from functions.ingest import samples
from functions.ingest.docs import ASSETS, INDEX
from functions.ingest.operations import JSON, PROBLEM, Document, answer, file, operation, query, ref

TAGS = {
    "Records": "Batches in, and what became of them.",
    "Service": "Whether it is alive, and this documentation.",
}

IDEMPOTENCY_KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}
PAGE = [
    query("limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
    query("cursor", "`next_cursor` of the page before; opaque.", {"type": "string", "maxLength": 500}),
]


def paths() -> Document:
    """Path -> method -> operation."""
    return {
        "/v1/records": {"post": _post_records()},
        "/v1/batches": {"get": _get_batches()},
        "/v1/rejections": {"get": _get_rejections()},
        "/v1/health": {"get": _get_health()},
        "/v1/": {"get": _get_index()},
        "/v1/openapi.json": {"get": _get_openapi()},
        "/v1/docs": {"get": _get_docs()},
        "/v1/docs/{file}": {"get": _get_docs_file()},
    }


def _post_records() -> Document:
    found = operation(
        "postRecords",
        "Store a batch",
        "1 to 1,000 records for any tables of one dataset, in any order: parents and children may come together. A batch is "
        "one transaction. `partial` stores the good records, `atomic` all or none, `dry_run` none: it gives the verdict.",
        tag="Records",
        least=Kind.WRITER,
        answers={
            200: answer("No record was rejected.", "BatchReport", samples.report()),
            207: answer("Some records were rejected.", "BatchReport", samples.report(1)),
            422: answer(
                "All records were rejected, or one of an `atomic` batch.", "BatchReport", samples.report(0, 1)
            ),
        },
        problems=(400, 409, 413, 415, 503),
        parameters=[
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A retry with the same key and body gets the first answer again, for 24 hours.",
                "schema": IDEMPOTENCY_KEY,
            }
        ],
    )
    found["responses"]["422"]["content"][PROBLEM] = {"schema": ref("Problem")}
    found["responses"]["422"]["description"] += (
        " As a problem: the Idempotency-Key was used for another body."
    )
    content = {"schema": ref("Batch"), "example": samples.batch()}
    return {**found, "requestBody": {"required": True, "content": {JSON: content}}}


def _get_batches() -> Document:
    return operation(
        "getBatch",
        "Look up a batch's answer",
        "The answer that was given to a batch sent with this idempotency key, by this API key, in the last 24 hours: for a "
        "caller whom it never reached.",
        tag="Records",
        least=Kind.WRITER,
        answers={200: answer("The stored answer.", "BatchReport", samples.report(1))},
        problems=(400, 404, 503),
        parameters=[query("idempotency_key", "As it was sent.", IDEMPOTENCY_KEY, required=True)],
    )


def _get_rejections() -> Document:
    text = {"type": "string", "maxLength": 500}
    return operation(
        "listRejections",
        "List rejected records",
        "Of batches and of migrations, the oldest first, each with its data as it was sent and every reason. Filters are "
        "combined with AND.",
        tag="Records",
        least=Kind.WRITER,
        answers={200: answer("One page.", "RejectionPage", samples.rejections())},
        problems=(400, 503),
        parameters=[
            query("dataset", "Of this dataset.", {**text, "examples": list(DATASETS)}),
            query("table", "For this table, as it was sent.", text),
            query("code", "With an error of this code, such as `foreign_key`.", text),
            query("batch_id", "Of this batch.", text),
            query("migration_id", "Of this migration.", text),
            *PAGE,
        ],
    )


def _get_health() -> Document:
    return operation(
        "getHealth",
        "Whether the service is alive",
        "200 only after the database has answered.",
        tag="Service",
        least=None,
        answers={200: answer("The database answered.", "Health", {"status": "ok"})},
        problems=(503,),
    )


def _get_index() -> Document:
    return operation(
        "getIndex",
        "Where to go from here",
        "Paths of what there is to see without a key.",
        tag="Service",
        least=None,
        answers={200: answer("The paths.", "Index", INDEX)},
        problems=(),
    )


def _get_openapi() -> Document:
    content = {JSON: {"schema": {"type": "object"}}}
    return operation(
        "getOpenApi",
        "This document",
        "OpenAPI 3.1, made from the models that records are judged by.",
        tag="Service",
        least=None,
        answers={200: {"description": "The document.", "content": content}},
        problems=(),
    )


def _get_docs() -> Document:
    return operation(
        "getDocs",
        "This document, to read and to try",
        "A page that needs nothing from elsewhere.",
        tag="Service",
        least=None,
        answers={200: file("The page.", "text/html")},
        problems=(),
    )


def _get_docs_file() -> Document:
    found = operation(
        "getDocsFile",
        "The page's own files",
        "Script, style and licence.",
        tag="Service",
        least=None,
        answers={200: {"description": "The file.", "content": {}}},
        problems=(404,),
        parameters=[
            {
                "name": "file",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "enum": list(ASSETS)},
            }
        ],
    )
    for media in {asset.media for asset in ASSETS.values()}:
        found["responses"]["200"]["content"][media] = {"schema": {"type": "string"}}
    return found
