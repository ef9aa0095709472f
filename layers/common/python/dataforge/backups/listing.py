"""List backups with a summary of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dataforge.backups import manifest
from dataforge.backups.manifest import Stored
from dataforge.backups.signatures import NOT_SIGNED, Verifier, signature_of
from dataforge.backups.verification import read_verification
from dataforge.errors import DamagedBackup, NoSuchBackup
from dataforge.runs.ids import time_of
from dataforge.s3.keys import manifest_key

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
    """A complete backup. ``tables``: rows by table; ``verified_at``: the time of the last verification, if any.

    ``signed``: its manifest has a valid signature. ``verified``: a signed verification of this manifest found no fault.
    """

    id: str
    dataset: str
    kind: str
    created_at: datetime
    tables: dict[str, int]
    size: int
    signed: bool
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
            "signed": self.signed,
            "verified": self.verified,
            "verified_at": None if self.verified_at is None else _iso(self.verified_at),
            "faults": list(self.faults),
            "manifest": self.manifest,
        }


def find_locations(s3: S3Client, bucket: str, datasets: Iterable[str]) -> list[Location]:
    """Backups, complete or still being written, newest first. Costs a request per thousand."""
    locations = [(run, name) for name in datasets for run in manifest.backup_ids(s3, bucket, name)]
    return sorted((location for location in locations if time_of(location[0])), reverse=True)


def summaries(
    s3: S3Client, bucket: str, locations: Sequence[Location], verifier: Verifier
) -> Iterator[Summary]:
    """Summaries of the complete backups among ``locations``, in the same order, without exports.

    Reads ahead of the consumer. Raises ``Unavailable``.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(locations), AT_ONCE):
            batch = locations[start : start + AT_ONCE]
            yield from filter(None, pool.map(lambda location: read(s3, bucket, location, verifier), batch))


def read(s3: S3Client, bucket: str, location: Location, verifier: Verifier) -> Summary | None:
    """The summary of a backup; None if it is incomplete, or an export. Raises ``Unavailable``.

    A backup whose manifest cannot be read, or has a signature that is not valid, is ``unreadable``.
    """
    run, dataset = location
    uri = f"s3://{bucket}/{manifest_key(dataset, run)}"
    try:
        stored = manifest.read_stored(s3, bucket, dataset, run)
        signed = _is_signed(s3, bucket, stored, verifier)
    except NoSuchBackup:
        return None
    except DamagedBackup as error:
        time = time_of(run) or _NO_TIME
        return Summary(run, dataset, UNREADABLE, time, {}, 0, False, False, None, (str(error),), uri)
    return None if stored.manifest.kind == "export" else _summary(s3, bucket, stored, uri, signed, verifier)


def _is_signed(s3: S3Client, bucket: str, stored: Stored, verifier: Verifier) -> bool:
    signature = signature_of(s3, bucket, stored)
    if signature is not None and not verifier.is_signed(stored.manifest, signature):
        raise DamagedBackup(stored.manifest.backup_id, [NOT_SIGNED])
    return signature is not None


def _summary(
    s3: S3Client, bucket: str, stored: Stored, uri: str, signed: bool, verifier: Verifier
) -> Summary:
    known, verified_at, faults, verified = stored.manifest, None, tuple[str, ...](), False
    try:
        found = read_verification(s3, bucket, known.dataset, known.backup_id)
    except DamagedBackup as error:
        faults = (str(error),)
    else:
        verified = found is not None and verifier.is_verified(stored, found)
        faults = found.faults if found else ()
        verified_at = found.verified_at if found and (verified or faults) else None
    return Summary(
        id=known.backup_id,
        dataset=known.dataset,
        kind=known.kind,
        created_at=known.created_at,
        tables={entry.table: entry.rows for entry in known.tables},
        size=known.size,
        signed=signed,
        verified=verified,
        verified_at=verified_at,
        faults=faults,
        manifest=uri,
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
