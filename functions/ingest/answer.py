"""The answer to a batch: what became of each record, as JSON."""

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
"""Characters that are left of a message, where whole ones would make the answer too large."""

_FRAME_BYTES = 60
"""Of the payload, for what stands around a record's errors and for the number of those that are left out."""

_COUNTED = ("inserted", "updated", "unchanged", "ignored", "valid", "rejected")


@dataclass(frozen=True)
class BatchAnswer:
    """The answer's HTTP status and body, and its figures; ``codes`` says how often each error code occurs."""

    batch_id: str
    status: int
    body: str
    counts: Mapping[str, int]
    codes: Mapping[str, int]


def make_answer(
    batch_id: str, mode: Mode, records: Sequence[Record], statuses: Sequence[str], violations: Violations
) -> BatchAnswer:
    """The answer to a batch. It has every record's status, and as many of the errors as Lambda can return."""
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
    """The results with errors that fit into ``room`` bytes, of which each rejected record has the same share."""
    shown, share = list(results), room // len(violations)
    for index, found in violations.items():
        errors, left = _some(index, errors_of(index, found), share)
        more = f',"more_errors":{left}' if left else ""
        shown[index] = f'{results[index][:-1]},"errors":[{",".join(errors)}]{more}}}'
    return shown


def _some(index: int, errors: Sequence[Mapping[str, str]], share: int) -> tuple[list[str], int]:
    """The first errors, with short texts, and how many are left out."""
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
    """The error with a short message. A pointer that is too long becomes the record's."""
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
