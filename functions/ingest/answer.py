"""The answer to a batch: what became of each record, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from dataforge.api.batch import Mode, Record, errors_of
from dataforge.http.errors import AnswerTooLarge
from functions.ingest.candidates import Violations

ANSWER_LIMIT = 5 * 2**19
"""Bytes. Lambda returns 6 MiB, in which every quote of the answer is escaped. All errors of known columns fit."""

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
    """The answer to a batch. Raises ``AnswerTooLarge``."""
    counted = Counter(statuses)
    counts = {"received": len(records)} | {name: counted[name] for name in _COUNTED}
    names = {name: f',"table":{_json(name)},"status":' for name in {record["table"] for record in records}}
    results = [
        f'{{"index":{index}{names[record["table"]]}"{status}"}}'
        for index, (record, status) in enumerate(zip(records, statuses, strict=True))
    ]
    for index, found in violations.items():
        results[index] = f'{results[index][:-1]},"errors":{_json(errors_of(index, found))}}}'
    body = f'{{"batch_id":"{batch_id}","mode":"{mode}","counts":{_json(counts)},"results":[{",".join(results)}]}}'
    size = len(body.encode())
    if size > ANSWER_LIMIT:
        raise AnswerTooLarge(size, ANSWER_LIMIT)
    codes = Counter(v.code for found in violations.values() for v in found)
    return BatchAnswer(batch_id, _status(counted["rejected"], len(records)), body, counts, codes)


def _status(rejected: int, received: int) -> int:
    if not rejected:
        return HTTPStatus.OK
    return HTTPStatus.UNPROCESSABLE_ENTITY if rejected == received else HTTPStatus.MULTI_STATUS


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
