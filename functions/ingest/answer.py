"""The answer to a batch: what became of each record, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from dataforge.http.errors import AnswerTooLarge
from dataforge.rows import Violation
from functions.ingest.candidates import Violations
from functions.ingest.envelope import Mode, Record, pointer

ANSWER_LIMIT = 4 * 2**20
"""Bytes. Lambda returns 6 MiB, in which the answer is escaped."""

_COUNTED = ("inserted", "updated", "unchanged", "ignored", "valid", "rejected")


@dataclass(frozen=True)
class BatchAnswer:
    """The answer's HTTP status and body, and its figures."""

    status: int
    body: str
    accepted: int
    rejected: int


def make_answer(
    batch_id: str, mode: Mode, records: Sequence[Record], statuses: Sequence[str], violations: Violations
) -> BatchAnswer:
    """The answer to a batch. Raises ``AnswerTooLarge``."""
    tables = {name: printable(name) for name in {record["table"] for record in records}}
    counted = Counter(statuses)
    counts = {"received": len(records)} | {name: counted[name] for name in _COUNTED}
    results = ",".join(
        f'{{"index":{index},"table":{tables[record["table"]]},"status":"{statuses[index]}"'
        + (f',"errors":{_errors(index, violations[index])}}}' if index in violations else "}")
        for index, record in enumerate(records)
    )
    body = (
        f'{{"batch_id":"{batch_id}","mode":"{mode}","counts":{json.dumps(counts, separators=(",", ":"))},'
        f'"results":[{results}]}}'
    )
    size = len(body.encode())
    if size > ANSWER_LIMIT:
        raise AnswerTooLarge(size, ANSWER_LIMIT)
    return BatchAnswer(
        _status(counted, len(records)), body, len(records) - counted["rejected"], counted["rejected"]
    )


def _status(counted: Mapping[str, int], received: int) -> int:
    if not counted["rejected"]:
        return HTTPStatus.OK
    return HTTPStatus.UNPROCESSABLE_ENTITY if counted["rejected"] == received else HTTPStatus.MULTI_STATUS


def _errors(index: int, violations: Sequence[Violation]) -> str:
    return printable(errors_of(index, violations))


def errors_of(index: int, violations: Sequence[Violation]) -> list[dict[str, str]]:
    """A record's violations with a JSON Pointer into the request."""
    return [{"pointer": _place(index, v), "code": v.code, "message": v.message} for v in violations]


def _place(index: int, violation: Violation) -> str:
    if violation.column is not None:
        return pointer("records", index, "data", violation.column)
    if violation.code == "unknown_table":
        return pointer("records", index, "table")
    return pointer("records", index)


def printable(value: object) -> str:
    """The value as JSON that is valid UTF-8, whatever is in its texts."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
