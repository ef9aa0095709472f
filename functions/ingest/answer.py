"""The response to a batch: the result of each record, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from dataforge.api.batch import Mode, Record, errors_of
from dataforge.http.sizes import ANSWER_BYTES, fits, payload_bytes
from functions.ingest.candidates import Violations

CUT_TEXT = 200
"""Characters of a shortened message, if complete messages would make the response too large."""

_FRAME_BYTES = 60
"""Bytes of the payload for the text around a record's errors and for the number of omitted errors."""

_COUNTED = ("inserted", "updated", "unchanged", "ignored", "valid", "rejected")


@dataclass(frozen=True)
class BatchAnswer:
    """The response's HTTP status and body, and its counts. ``codes`` counts the errors by code.

    ``used_budget``: if a record was rejected, the share of the dataset's budget for rejected text that is used.
    """

    batch_id: str
    status: int
    body: str
    counts: Mapping[str, int]
    codes: Mapping[str, int]
    used_budget: float | None = None


def make_answer(
    batch_id: str, mode: Mode, records: Sequence[Record], statuses: Sequence[str], violations: Violations
) -> BatchAnswer:
    """The response to a batch: the status of every record, and as many errors as Lambda can return."""
    counted = Counter(statuses)
    counts = {"received": len(records)} | {name: counted[name] for name in _COUNTED}
    names = {name: f',"table":{_json(name)},"status":' for name in {record["table"] for record in records}}
    results = [
        f'{{"index":{index}{names[record["table"]]}"{status}"}}'
        for index, (record, status) in enumerate(zip(records, statuses, strict=True))
    ]
    head = f'{{"batch_id":"{batch_id}","mode":"{mode}","counts":{_json(counts)},"results":['
    body = _body(head, _with_errors(results, violations))
    if not fits(body):
        room = ANSWER_BYTES - payload_bytes(_body(head, results))
        body = _body(head, _with_some_errors(results, violations, room))
    codes = Counter(v.code for found in violations.values() for v in found)
    return BatchAnswer(batch_id, _status(counted["rejected"], len(records)), body, counts, codes)


def _body(head: str, results: Sequence[str]) -> str:
    return f"{head}{','.join(results)}]}}"


def _with_errors(results: Sequence[str], violations: Violations) -> list[str]:
    shown = list(results)
    for index, found in violations.items():
        shown[index] = f'{results[index][:-1]},"errors":{_json(errors_of(index, found))}}}'
    return shown


def _with_some_errors(results: Sequence[str], violations: Violations, room: int) -> list[str]:
    """The results with errors that fit into ``room`` bytes, divided equally among the rejected records."""
    shown, share = list(results), room // len(violations)
    for index, found in violations.items():
        errors, left = _some(index, errors_of(index, found), share)
        more = f',"more_errors":{left}' if left else ""
        shown[index] = f'{results[index][:-1]},"errors":[{",".join(errors)}]{more}}}'
    return shown


def _some(index: int, errors: Sequence[Mapping[str, str]], share: int) -> tuple[list[str], int]:
    """The first errors, with short messages, and the number of omitted errors."""
    shown: list[str] = []
    used = _FRAME_BYTES
    for error in errors:
        text = _json(_short(index, **error))
        used += payload_bytes(text)
        if used > share:
            break
        shown.append(text)
    return shown, len(errors) - len(shown)


def _short(index: int, pointer: str, code: str, message: str) -> dict[str, str]:
    """The error with a short message. A pointer that is too long is replaced by that of the record."""
    cut = message if len(message) <= CUT_TEXT else message[:CUT_TEXT] + "…"
    return {
        "pointer": pointer if len(pointer) <= CUT_TEXT else f"/records/{index}",
        "code": code,
        "message": cut,
    }


def _status(rejected: int, received: int) -> int:
    if not rejected:
        return HTTPStatus.OK
    return HTTPStatus.UNPROCESSABLE_ENTITY if rejected == received else HTTPStatus.MULTI_STATUS


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
