"""List backups with a summary of each."""

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
"""Simultaneous requests to S3: the size of the connection pool of a boto3 client."""

UNREADABLE = "unreadable"
_NO_TIME = datetime.fromtimestamp(0, UTC)

Location = tuple[str, str]
"""The id and the dataset of a backup."""


@dataclass(frozen=True)
class Summary:
    """A complete backup. ``tables``: rows by table; ``verified_at``: the time of the last verification, if any."""

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
        """The summary as JSON."""
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


def find_locations(s3: S3Client, bucket: str, datasets: Iterable[str]) -> list[Location]:
    """Backups, complete or still being written, newest first. Costs a request per thousand."""
    locations = [(run, name) for name in datasets for run in manifest.backup_ids(s3, bucket, name)]
    return sorted((location for location in locations if time_of(location[0])), reverse=True)


def summaries(s3: S3Client, bucket: str, locations: Sequence[Location]) -> Iterator[Summary]:
    """Summaries of the complete backups among ``locations``, in the same order, without exports.

    Reads ahead of the consumer. Raises ``Unavailable``.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(locations), AT_ONCE):
            batch = locations[start : start + AT_ONCE]
            yield from filter(None, pool.map(lambda location: read(s3, bucket, location), batch))


def read(s3: S3Client, bucket: str, location: Location) -> Summary | None:
    """The summary of a backup; None if it is incomplete, or an export. Raises ``Unavailable``."""
    run, dataset = location
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
        faults = (f"{VERIFICATION} cannot be read; verify the backup again",)
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
