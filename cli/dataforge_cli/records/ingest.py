"""Records sent to the API in batches, and what became of them."""

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
"""Of a batch's body; the API takes 4 MiB, and answers with no more."""

STATUSES = ("inserted", "updated", "unchanged", "ignored", "valid", "rejected")
_DIVIDED = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}


@dataclass(frozen=True)
class Order:
    """How batches are to be taken."""

    dataset: str
    mode: str = "partial"
    on_conflict: str = "reject"

    def body(self, records: Sequence[Sent]) -> bytes:
        """A batch as JSON."""
        head = json.dumps({"dataset": self.dataset, "mode": self.mode, "on_conflict": self.on_conflict})
        return f'{head[:-1]},"records":[{",".join(r.text for r in records)}]}}'.encode()


@dataclass
class Tally:
    """What became of the records so far; ``unreadable`` says why some never left, ``bytes`` how much of the file is done."""

    counts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    unreadable: list[str] = field(default_factory=list)
    bytes: int = 0

    @property
    def read(self) -> int:
        """Everything that stood in the file as a record."""
        return self.counts.total() + len(self.unreadable)

    @property
    def rejected(self) -> int:
        """What did not get in: rejected by the API, or not even readable."""
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
    """One file on its way in. ``keep`` gets each rejected record as a line that can be sent again."""

    def __init__(self, api: Api, order: Order, keep: Callable[[bytes], None]) -> None:
        self._api, self._order, self._keep_line = api, order, keep
        self._run, self.tally = uuid.uuid4().hex, Tally()

    def send(self, records: Iterable[Read], batch_size: int) -> Iterator[Tally]:
        """Send everything in the file's order; the tally after each batch. Raises what ``Api`` raises."""
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
        """Send one batch; in halves, where the API objects to the batch rather than to a record, until it is one record."""
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
        """Keep the record with its errors, whose pointers then lead into this line."""
        self.tally.codes.update({error["code"] for error in errors})
        told = [{**error, "pointer": _inside(error["pointer"])} for error in errors]
        self._keep_line(f'{record.text[:-1]},"errors":{json.dumps(told, ensure_ascii=False)}}}'.encode())


def _is_about_records(error: ApiRefused) -> bool:
    """Whether some of the batch's records, or their number, are what the API objects to."""
    places = [found.get("pointer", "") for found in error.problem.get("errors", ())]
    return error.status in _DIVIDED and all(place.startswith("/records/") for place in places)


def _inside(pointer: str) -> str:
    """``/records/17/data/price`` as ``/data/price``."""
    return "".join(f"/{part}" for part in pointer.split("/")[3:])


def in_batches(records: Iterable[Sent], most: int) -> Iterator[list[Sent]]:
    """The records in their order, in batches of at most ``most``, and of no more bytes than the API takes."""
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
