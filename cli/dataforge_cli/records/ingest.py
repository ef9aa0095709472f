"""Send records to the API in batches, and count the results."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from dataforge_cli.aws.api import Api, ApiRefused
from dataforge_cli.records.json_lines import Read, Sent, Unreadable

PATH = "/v1/records"
MOST_BYTES = 3_500_000
"""Maximum bytes of a batch's body. The API accepts and returns at most 4 MiB."""

STATUSES = ("inserted", "updated", "unchanged", "ignored", "valid", "rejected")
_DIVIDED = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}


@dataclass(frozen=True)
class Order:
    """The options of batches."""

    dataset: str
    mode: str = "partial"
    on_conflict: str = "reject"

    def body(self, records: Sequence[Sent]) -> bytes:
        """Return a batch as JSON."""
        head = json.dumps({"dataset": self.dataset, "mode": self.mode, "on_conflict": self.on_conflict})
        return f'{head[:-1]},"records":[{",".join(r.text for r in records)}]}}'.encode()


@dataclass
class Tally:
    """Counts of the records so far; ``unreadable``: the reasons of records that were not sent; ``bytes``: the bytes read."""

    counts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    unreadable: list[str] = field(default_factory=list)
    bytes: int = 0

    @property
    def read(self) -> int:
        """The number of records in the file."""
        return self.counts.total() + len(self.unreadable)

    @property
    def rejected(self) -> int:
        """The number of records that the API rejected or that could not be read."""
        return self.counts["rejected"] + len(self.unreadable)

    def document(self) -> dict[str, Any]:
        """For machines."""
        counts = {
            "read": self.read,
            **{name: self.counts[name] for name in STATUSES},
            "unreadable": len(self.unreadable),
        }
        return {"batches": self.batches, "counts": counts, "codes": dict(self.codes.most_common())}


class Ingestion:
    """The ingestion of one file. ``keep`` receives each rejected record as a line that can be sent again."""

    def __init__(self, api: Api, order: Order, keep: Callable[[bytes], None]) -> None:
        self._api, self._order, self._keep_line = api, order, keep
        self._run, self.tally = uuid.uuid4().hex, Tally()

    def send(self, records: Iterable[Read], batch_size: int) -> Iterator[Tally]:
        """Send all records in the file's order, and yield the tally after each batch. Raises the errors of ``Api``."""
        for batch in in_batches(self._readable(records), batch_size):
            self._send(batch)
            self.tally.bytes += sum(record.size for record in batch)
            yield self.tally

    def _readable(self, records: Iterable[Read]) -> Iterator[Sent]:
        for record in records:
            if isinstance(record, Sent):
                yield record
            else:
                self._keep_unreadable(record)

    def _keep_unreadable(self, found: Unreadable) -> None:
        self.tally.unreadable.append(f"line {found.line}: {found.reason}")
        self.tally.codes[found.code] += 1
        self.tally.bytes += found.size
        self._keep_line(found.kept)

    def _send(self, batch: Sequence[Sent]) -> None:
        """Send one batch. If the API rejects the batch as a whole, halve it, down to one record."""
        self.tally.batches += 1
        try:
            key = f"{self._run}-{self.tally.batches}"
            document = self._api.post(PATH, self._order.body(batch), key).document
        except ApiRefused as error:
            if self._order.mode == "atomic" or not _is_about_records(error):
                raise
            self._divide(batch, error)
            return
        for result in document["results"]:
            self.tally.counts[result["status"]] += 1
            if result["status"] == "rejected":
                self._keep(batch[result["index"]], result["errors"])

    def _divide(self, batch: Sequence[Sent], error: ApiRefused) -> None:
        middle = len(batch) // 2
        if middle:
            self._send(batch[:middle])
            self._send(batch[middle:])
            return
        self.tally.counts["rejected"] += 1
        code = str(error.problem.get("type", "")).rpartition(":")[2].replace("-", "_")
        self._keep(
            batch[0], [{"pointer": "/records/0", "code": code, "message": str(error.problem.get("detail"))}]
        )

    def _keep(self, record: Sent, errors: Sequence[dict[str, Any]]) -> None:
        """Store the record with its errors, whose pointers become relative to its line."""
        self.tally.codes.update({error["code"] for error in errors})
        told = [{**error, "pointer": _inside(error["pointer"])} for error in errors]
        self._keep_line(f'{record.text[:-1]},"errors":{json.dumps(told, ensure_ascii=False)}}}'.encode())


def _is_about_records(error: ApiRefused) -> bool:
    """Return whether the API rejected the batch for its records or their number."""
    places = [found.get("pointer", "") for found in error.problem.get("errors", ())]
    return error.status in _DIVIDED and all(place.startswith("/records/") for place in places)


def _inside(pointer: str) -> str:
    """Convert ``/records/17/data/price`` to ``/data/price``."""
    return "".join(f"/{part}" for part in pointer.split("/")[3:])


def in_batches(records: Iterable[Sent], most: int) -> Iterator[list[Sent]]:
    """Yield batches of at most ``most`` records and at most the bytes that the API accepts, in order."""
    batch: list[Sent] = []
    size = 0
    for record in records:
        length = len(record.text.encode()) + 1
        if batch and (len(batch) == most or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch
