"""Examples of batches and their responses, which a test compares with those of the ingest function."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dataforge.api.batch import Record, errors_of
from dataforge.api.record_shapes import Counts
from dataforge.records.rejections import missing_parent
from dataforge.records.validate import validate
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import DATASETS, DEFAULT
from dataforge.tables.examples import example_row

BATCH_ID = "019316c0-5b1e-7c3a-9d52-3f1b7a90c4de"

_DATASET = DATASETS[DEFAULT]
_CHILD = next(table for table in _DATASET.tables.values() if len(table.foreign_keys) == 1)
_PARENT = _DATASET.table(_CHILD.foreign_keys[0].parent)


def batch() -> dict[str, Any]:
    """A parent and a child."""
    return {"dataset": DEFAULT, "mode": "partial", "on_conflict": "reject", "records": _records()}


def _records() -> list[Record]:
    return [_record(_PARENT), _record(_CHILD)]


def _record(table: Table) -> Record:
    return {"table": table.name, "data": example_row(_DATASET, table)}


def report(*rejected: int) -> dict[str, Any]:
    """The answer to ``batch`` when the records at these places were rejected."""
    received = _records()
    counts = dict.fromkeys(Counts.model_fields, 0)
    counts |= {"received": 2, "inserted": 2 - len(rejected), "rejected": len(rejected)}
    results: list[dict[str, Any]] = [
        {"index": index, "table": record["table"], "status": "inserted"}
        for index, record in enumerate(received)
    ]
    for index in rejected:
        results[index] |= {"status": "rejected", "errors": errors_of(index, violations(index))}
    return {"batch_id": BATCH_ID, "mode": "partial", "counts": counts, "results": results}


def violations(index: int) -> list[Violation]:
    """The violations of an empty parent, or of the child without the parent."""
    if index == 0:
        result = validate(_PARENT, {}, Counter())
        return result if isinstance(result, list) else []
    key = _CHILD.foreign_keys[0]
    row = example_row(_DATASET, _CHILD)
    return [missing_parent(key, [str(row[column]) for column in key.columns])]


def rejections() -> dict[str, Any]:
    """A page with one rejection of the batch."""
    rejection = {
        "id": 1,
        "dataset": DEFAULT,
        "table": _CHILD.name,
        "raw": _record(_CHILD)["data"],
        "errors": errors_of(1, violations(1)),
        "source": {"batch_id": BATCH_ID, "index": 1},
        "rejected_at": "2026-11-22T10:15:00.123456+00:00",
        "replayed_at": None,
    }
    return {"data": [rejection], "next_cursor": None}
