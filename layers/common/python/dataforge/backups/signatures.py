"""Signatures of manifests and verifications: HMACs by keys of KMS that only the state machines may use.

Functions in the VPC cannot reach KMS, and none may sign. A function states the version and the SHA-256 of a document, the
state machine has KMS compute the HMAC of ``message``, and the function stores it: that of a manifest in a separate object,
that of a verification in the verification. Before a function uses a manifest, the state machine has KMS verify it.

Purpose, bucket, dataset and id are in the message. So a signature holds for no other backup, and for no other bucket.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from dataforge.backups.bodies import create, fetch
from dataforge.backups.manifest import Manifest, Reference, Sha256, Stored
from dataforge.backups.signed_text import FORMAT, VERIFICATION, message
from dataforge.backups.verification import Mac, Verification
from dataforge.errors import DamagedBackup, UnsignedBackup
from dataforge.s3.keys import SIGNATURE, signature_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client


NOT_SIGNED = "the signature of its manifest is not valid"
"""The fault of a backup whose manifest or signature is forged."""

_MOST_BYTES = 64 * 2**10


class Signature(BaseModel):
    """The signature of a manifest: which version of it was signed, and the HMAC."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    format: Literal["dataforge-signature-1"] = FORMAT
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,1024}$")]
    sha256: Sha256
    mac: Mac

    @classmethod
    def of(cls, event: Mapping[str, str], mac: str) -> Signature | None:
        """Create it from the event of a step, with what KMS computed; None if nothing was signed."""
        return cls(**Reference.of(event)._asdict(), mac=mac) if mac else None

    @property
    def reference(self) -> Reference:
        """The manifest that was signed."""
        return Reference(self.version, self.sha256)


def write_signature(s3: S3Client, bucket: str, dataset: str, backup_id: str, signature: Signature) -> None:
    """Write the signature beside the manifest. Idempotent. Raises ``BackupExists`` if there is another one."""
    create(s3, bucket, signature_key(dataset, backup_id), signature.model_dump_json(indent=1).encode())


def read_signature(s3: S3Client, bucket: str, dataset: str, backup_id: str) -> Signature | None:
    """The signature of a backup's manifest; None if it was not signed. Raises ``DamagedBackup`` if it cannot be read."""
    found = fetch(s3, bucket, signature_key(dataset, backup_id), _MOST_BYTES)
    if found is None:
        return None
    try:
        return Signature.model_validate_json(found.body or b"")
    except ValidationError:
        raise DamagedBackup(backup_id, [f"{SIGNATURE} is not a valid signature"]) from None


def signature_of(s3: S3Client, bucket: str, stored: Stored) -> Signature | None:
    """The signature of exactly this manifest, whose HMAC is not verified yet; None if it was not signed.

    Raises ``DamagedBackup`` if another version or other content was signed.
    """
    manifest = stored.manifest
    found = read_signature(s3, bucket, manifest.dataset, manifest.backup_id)
    if found is not None and found.reference != stored.reference:
        raise DamagedBackup(manifest.backup_id, ["its manifest was replaced after it was signed"])
    return found


@dataclass(frozen=True)
class Selected:
    """A backup that a run selected, and its signature; None if the run does not require one."""

    stored: Stored
    signature: Signature | None

    @classmethod
    def of(cls, s3: S3Client, bucket: str, stored: Stored, *, unsigned: bool) -> Selected:
        """Select a backup. Raises ``UnsignedBackup`` and ``DamagedBackup``, unless ``unsigned``."""
        if unsigned:
            return cls(stored, None)
        found = signature_of(s3, bucket, stored)
        if found is None:
            raise UnsignedBackup(stored.manifest.backup_id)
        return cls(stored, found)

    def answer(self) -> dict[str, Any]:
        """The fields with which the state machine verifies the signature, and states which manifest it verified."""
        manifest = self.stored.manifest
        return {
            "signed": self.signature is not None,
            "signature": {
                "kind": manifest.kind,
                "dataset": manifest.dataset,
                "backup_id": manifest.backup_id,
                **self.stored.reference._asdict(),
                "mac": self.signature.mac if self.signature else "",
            },
        }


@dataclass(frozen=True)
class Verifier:
    """Verifies signatures with KMS, outside the VPC: ``verify`` is its VerifyMac (key, message, HMAC)."""

    bucket: str
    manifest_key: str
    verification_key: str
    verify: Callable[[str, bytes, bytes], bool]

    def is_signed(self, manifest: Manifest, signature: Signature) -> bool:
        """Whether the signature of a manifest is valid."""
        return self._is_valid(self.manifest_key, manifest.kind, manifest, signature.reference, signature.mac)

    def is_verified(self, stored: Stored, verification: Verification) -> bool:
        """Whether a verification of exactly this manifest found no fault, and is signed."""
        return (
            verification.verified
            and verification.mac is not None
            and verification.manifest_sha256 == stored.reference.sha256
            and self._is_valid(
                self.verification_key,
                VERIFICATION,
                stored.manifest,
                verification.reference,
                verification.mac,
            )
        )

    def _is_valid(self, key: str, purpose: str, manifest: Manifest, what: Reference, mac: str) -> bool:
        text = message(purpose, self.bucket, manifest.dataset, manifest.backup_id, what.version, what.sha256)
        # The state machine passes the text in base64, as a blob is passed; a Step Functions that did not decode it would
        # have KMS sign the base64.
        forms = (text.encode(), base64.b64encode(text.encode()))
        return any(self.verify(key, form, base64.b64decode(mac)) for form in forms)
