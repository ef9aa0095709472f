"""The result of a backup's verification, in ``verification.json`` beside its manifest.

The object may be replaced, by the next verification or by any principal that may write to the bucket. It counts only with a
valid ``mac``, the signature that ``dataforge.backups.signatures`` describes.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dataforge.backups.bodies import fetch
from dataforge.backups.manifest import BackupId, Reference, Sha256
from dataforge.errors import DamagedBackup
from dataforge.s3.keys import VERIFICATION, verification_key
from dataforge.s3.objects import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_MOST_BYTES = 2**20

Mac = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""An HMAC with SHA-256, in base64."""


class Verification(BaseModel):
    """The result of a backup's verification: time, method, duration and faults.

    ``how``: ``files`` means that sizes, SHA-256 and content hashes were recomputed; ``restored``, that the rows were also
    loaded into a scratch schema, where PostgreSQL computed the same hash.
    ``manifest_sha256`` and ``mac`` are None in verifications from before they were signed, and ``mac`` if faults were found.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    backup_id: BackupId
    verified: bool
    how: tuple[Literal["files", "restored"], ...]
    verified_at: AwareDatetime
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    faults: tuple[str, ...] = ()
    manifest_sha256: Sha256 | None = None
    mac: Mac | None = None

    @property
    def reference(self) -> Reference:
        """The reference that is signed, of the content without ``mac``."""
        body = self.model_dump_json(exclude={"mac"})
        return Reference(VERIFICATION, hashlib.sha256(body.encode()).hexdigest())


def write_verification(s3: S3Client, bucket: str, dataset: str, verification: Verification) -> None:
    """Write the verification beside the manifest; it replaces an earlier one."""
    key = verification_key(dataset, verification.backup_id)
    body = verification.model_dump_json(indent=1).encode()
    with translated(bucket, key):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def read_verification(s3: S3Client, bucket: str, dataset: str, backup_id: str) -> Verification | None:
    """The newest verification of a backup, or None if it was never verified.

    Raises ``DamagedBackup`` if it cannot be read.
    """
    found = fetch(s3, bucket, verification_key(dataset, backup_id), _MOST_BYTES)
    if found is None:
        return None
    try:
        verification = Verification.model_validate_json(found.body or b"")
    except ValidationError:
        raise DamagedBackup(backup_id, [f"{VERIFICATION} cannot be read; verify the backup again"]) from None
    if verification.backup_id != backup_id:
        raise DamagedBackup(backup_id, [f"{VERIFICATION} is that of {verification.backup_id}"])
    return verification
