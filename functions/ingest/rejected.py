"""Divide the rejected records of a batch between the database and one object of the report bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from dataforge.api.batch import Batch, errors_of
from dataforge.defaults import BATCH_RAW_BYTES, REJECTED_TEXT_MEGABYTES
from dataforge.errors import RejectionsTooLarge, Unavailable, UnusableBucket
from dataforge.records.violation import first_violations
from dataforge.s3 import rejected_texts
from dataforge.s3.objects import translated
from functions.ingest.candidates import Violations
from functions.ingest.raw import raw_json, record_json, storable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


MOST_ERRORS = 20_000
"""The errors of one batch that are stored."""

Put = Callable[[str, bytes], None]
"""Stores an object of the report bucket under a key."""


@dataclass(frozen=True)
class TextStore:
    """Where rejected records are stored: ``put`` into the report bucket beyond ``budget``, in bytes for each dataset."""

    put: Put | None = None
    budget: int = REJECTED_TEXT_MEGABYTES * 2**20


NO_BUCKET = TextStore()
"""Refuses batches whose rejected records are too large for the database."""


@dataclass(frozen=True)
class Rejection:
    """One row of ``dataforge.rejections``. ``raw``, ``errors`` and ``raw_at`` are JSON.

    If ``raw_at`` locates the record in the report bucket, ``raw`` is null, and ``errors`` has only the codes.
    """

    index: int
    table: str
    raw: str
    errors: str
    raw_at: str | None = None

    @property
    def text_bytes(self) -> int:
        """The size of its text in the database."""
        return len(self.raw.encode()) + len(self.errors.encode())


@dataclass(frozen=True)
class Divided:
    """The rows, and the object under ``key``; without content if the rows are complete."""

    rows: list[Rejection]
    key: str = ""
    content: bytes = b""

    @property
    def text_bytes(self) -> int:
        """The size of the text of all rows."""
        return sum(row.text_bytes for row in self.rows)


def divide(batch: Batch, batch_id: str, violations: Violations, room: int = BATCH_RAW_BYTES) -> Divided:
    """Make the rejected records rows up to ``room`` bytes, with their errors. The other records are in the object."""
    rows, rest, used = [], [], 0
    for index, errors in zip(sorted(violations), _errors(violations), strict=True):
        record = batch.records[index]
        row = Rejection(index, storable(record["table"]), record_json(record["data"]), errors)
        if used + row.text_bytes <= room:
            used += row.text_bytes
            rows.append(row)
        else:
            rest.append(row)
    if not rest:
        return Divided(rows)
    documents = (f'{{"raw":{row.raw},"errors":{row.errors}}}' for row in rest)
    content, locations = rejected_texts.locate(batch_id, documents)
    for row, location in zip(rest, locations, strict=True):
        codes = raw_json([{"code": code} for code in dict.fromkeys(v.code for v in violations[row.index])])
        rows.append(Rejection(row.index, row.table, "null", codes, location.as_json()))
    return Divided(sorted(rows, key=lambda row: row.index), locations[0].key, content)


def store_content(divided: Divided, put: Put | None) -> None:
    """Store the object if it has content. Raises ``RejectionsTooLarge`` if it cannot be stored."""
    if not divided.content:
        return
    refused = RejectionsTooLarge(len(divided.content), BATCH_RAW_BYTES)
    if put is None:
        raise refused
    try:
        put(divided.key, divided.content)
    except (Unavailable, UnusableBucket, ClientError, BotoCoreError):
        raise refused from None


def put_into(bucket: str) -> Put:
    """The function that stores an object in this bucket."""

    def put(key: str, content: bytes) -> None:
        with translated(bucket, key):
            report_s3().put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/jsonl")

    return put


@cache
def report_s3() -> S3Client:
    """The process's client for the report bucket. Most requests need none, and creating one takes longer than a batch."""
    # Few batches need S3, and its import takes longer than a cold start without it.
    from dataforge.aws.clients import WITHIN_TRANSACTION, make_client  # noqa: PLC0415

    return make_client("s3", WITHIN_TRANSACTION)


def _errors(violations: Violations) -> list[str]:
    """The errors of each record as JSON. If there are more than MOST_ERRORS, each record has an equal share of them.

    A body of 4 MB can have 500,000 errors of 50 MB, because the name of an unknown column is shorter than its error.
    """
    many = sum(map(len, violations.values())) > MOST_ERRORS
    share = max(1, MOST_ERRORS // len(violations)) if many else MOST_ERRORS
    return [
        _json(errors_of(index, first_violations(violations[index], share))) for index in sorted(violations)
    ]


def _json(errors: list[dict[str, str]]) -> str:
    """The errors as ``raw_json`` encodes them, which is slow and rarely needed."""
    text = json.dumps(errors, ensure_ascii=False)
    return raw_json(errors) if "\\u0000" in text or storable(text) != text else text
