"""The backups there are, each in short: what a list of them shows, to programs and to people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest
from dataforge.errors import DamagedBackup, NoSuchBackup
from dataforge.runs.ids import time_of
from dataforge.s3.keys import VERIFICATION, manifest_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


AT_ONCE = 10
"""Requests to S3 at the same time: as many as boto3's clients keep connections for."""

UNREADABLE = "unreadable"
_NO_TIME = datetime.fromtimestamp(0, UTC)

Place = tuple[str, str]
"""A backup's id, and its dataset."""


@dataclass(frozen=True)
class Summary:
    """A complete backup. ``tables``: rows by table; ``verified_at``: when it was last read back, if it was."""

    id: str
    dataset: str
    kind: str
    created_at: datetime
    tables: dict[str, int]
    size: int
    verified: bool
    verified_at: datetime | None
    faults: tuple[str, ...]
    manifest: str

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(self.tables.values())

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "id": self.id,
            "dataset": self.dataset,
            "kind": self.kind,
            "created_at": _iso(self.created_at),
            "tables": [{"table": table, "rows": rows} for table, rows in self.tables.items()],
            "rows": self.rows,
            "size": self.size,
            "verified": self.verified,
            "verified_at": None if self.verified_at is None else _iso(self.verified_at),
            "faults": list(self.faults),
            "manifest": self.manifest,
        }


def places(s3: S3Client, bucket: str, datasets: Iterable[str]) -> list[Place]:
    """Where backups lie, or are being written, the newest first. Costs a request for a thousand of them."""
    found = [(run, name) for name in datasets for run in manifest.backup_ids(s3, bucket, name)]
    return sorted((place for place in found if time_of(place[0])), reverse=True)


def summaries(s3: S3Client, bucket: str, where: Sequence[Place]) -> Iterator[Summary]:
    """Those of the places that hold a complete backup, in the same order; exports are none.

    Reads some more than are taken. Raises ``Unavailable``.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(where), AT_ONCE):
            for found in pool.map(lambda place: read(s3, bucket, place), where[start : start + AT_ONCE]):
                if found is not None:
                    yield found


def read(s3: S3Client, bucket: str, place: Place) -> Summary | None:
    """The backup at a place; None if there is none, or an export. Raises ``Unavailable``."""
    run, dataset = place
    uri = f"s3://{bucket}/{manifest_key(dataset, run)}"
    try:
        known = manifest.read(s3, bucket, dataset, run)
    except NoSuchBackup:
        return None
    except DamagedBackup as error:
        time = time_of(run) or _NO_TIME
        return Summary(run, dataset, UNREADABLE, time, {}, 0, False, None, (str(error),), uri)
    if known.kind == "export":
        return None
    return _summary(s3, bucket, known, uri)


def _summary(s3: S3Client, bucket: str, known: Manifest, uri: str) -> Summary:
    verification, faults = None, tuple[str, ...]()
    try:
        verification = manifest.read_verification(s3, bucket, known.dataset, known.backup_id)
    except ValidationError:
        faults = (f"{VERIFICATION} cannot be understood: verify it again",)
    return Summary(
        id=known.backup_id,
        dataset=known.dataset,
        kind=known.kind,
        created_at=known.created_at,
        tables={entry.table: entry.rows for entry in known.tables},
        size=known.size,
        verified=verification is not None and verification.verified,
        verified_at=verification.verified_at if verification else None,
        faults=verification.faults if verification else faults,
        manifest=uri,
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
