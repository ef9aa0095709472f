"""Describe the routes of batches and rejections."""

from __future__ import annotations

from dataforge.api import record_samples as samples
from dataforge.api import record_shapes
from dataforge.api.batch import Batch
from dataforge.api.describe import (
    CONTENT_ENCODING,
    IDEMPOTENCY_KEY,
    JSON,
    PAGE,
    Document,
    answer,
    idempotency_key,
    operation,
    query,
    ref,
    replayable,
)
from dataforge.defaults import BATCH_RECORDS, IDEMPOTENCY_HOURS
from dataforge.errors.problems import PROBLEM
from dataforge.http import Kind
from dataforge.tables.datasets import DATASETS

TAG = ("Records", "Store batches, and list rejected records.")
MODELS = (Batch,)
SHAPES = record_shapes.SHAPES


def paths() -> Document:
    """Path -> method -> operation."""
    return {
        "/v1/records": {"post": _post_records()},
        "/v1/batches": {"get": _get_batches()},
        "/v1/rejections": {"get": _get_rejections()},
    }


def _post_records() -> Document:
    found = operation(
        "postRecords",
        "Store a batch",
        f"1 to {BATCH_RECORDS:,} records for any tables of one dataset, in any order, also parents and children. A batch is "
        "one transaction. `partial` stores the valid records, `atomic` all or none, `dry_run` none: it only validates. "
        "A record that a constraint or trigger of the database's owner refuses is rejected with the code `constraint`.",
        tag=TAG[0],
        least=Kind.WRITER,
        answers={
            200: replayable(answer("No record was rejected.", "BatchReport", samples.report())),
            207: replayable(answer("Some records were rejected.", "BatchReport", samples.report(1))),
            422: replayable(
                answer(
                    "All records were rejected, or one of an `atomic` batch.",
                    "BatchReport",
                    samples.report(0, 1),
                )
            ),
        },
        problems=(400, 409, 413, 415, 503),
        parameters=[
            idempotency_key(
                f"A retry with the same key and body receives the first response again, for {IDEMPOTENCY_HOURS} hours."
            ),
            CONTENT_ENCODING,
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
        "The response to the batch that this API key sent with this idempotency key "
        f"in the last {IDEMPOTENCY_HOURS} hours.",
        tag=TAG[0],
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
        "The oldest first, each with its data as it was sent and every reason. A writer's key lists those of records that "
        "it sent; an operator's key lists all, also those of migrations. Filters are combined with AND.",
        tag=TAG[0],
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
