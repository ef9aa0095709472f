"""Signatures in tests: HMACs as KMS computes them for the state machine."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest, Reference
from dataforge.backups.signatures import Signature, Verifier, write_signature
from dataforge.backups.signed_text import ALGORITHM, VERIFICATION, message
from dataforge.backups.verification import Verification, write_verification
from dataforge.s3.keys import signature_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MANIFESTS, VERIFICATIONS = "key-of-manifests", "key-of-verifications"


def mac_of(key: str, text: str) -> str:
    """The answer of GenerateMac."""
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


def verifier(bucket: str) -> Verifier:
    """The verifier of a bucket, by the keys of this module."""

    def verify(key: str, text: bytes, mac: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(key.encode(), text, hashlib.sha256), mac)

    return Verifier(bucket, MANIFESTS, VERIFICATIONS, verify)


def sign(bucket: str, dataset: str, backup_id: str, reference: Reference, purpose: str = "backup") -> str:
    """The HMAC of a manifest or a verification."""
    key = VERIFICATIONS if purpose == VERIFICATION else MANIFESTS
    return mac_of(key, message(purpose, bucket, dataset, backup_id, *reference))


@dataclass(frozen=True)
class Signer:
    """Writes signed documents. ``mac``: GenerateMac (key, text)."""

    manifests: str = MANIFESTS
    verifications: str = VERIFICATIONS
    mac: Callable[[str, str], str] = mac_of

    @classmethod
    def of(cls, kms: Any) -> Signer:
        """Create two keys, and sign with them."""
        keys = [
            kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
            for _ in range(2)
        ]

        def mac(key: str, text: str) -> str:
            made = kms.generate_mac(KeyId=key, MacAlgorithm=ALGORITHM, Message=text.encode())
            return base64.b64encode(made["Mac"]).decode()

        return cls(manifests=keys[0], verifications=keys[1], mac=mac)

    def write(self, s3: S3Client, bucket: str, made: Manifest) -> Reference:
        """Write a manifest and its signature."""
        reference = manifest.write(s3, bucket, made)
        where = (made.dataset, made.backup_id)
        mac = self.mac(self.manifests, message(made.kind, bucket, *where, *reference))
        write_signature(
            s3, bucket, *where, Signature(version=reference.version, sha256=reference.sha256, mac=mac)
        )
        return reference

    def replace(self, s3: S3Client, bucket: str, made: Manifest, body: bytes) -> None:
        """Replace the manifest of a backup, and sign the new content."""
        written = s3.put_object(Bucket=bucket, Key=made.key, Body=body)
        reference = Reference(written["VersionId"], hashlib.sha256(body).hexdigest())
        where = (made.dataset, made.backup_id)
        mac = self.mac(self.manifests, message(made.kind, bucket, *where, *reference))
        signature = Signature(version=reference.version, sha256=reference.sha256, mac=mac)
        s3.put_object(Bucket=bucket, Key=signature_key(*where), Body=signature.model_dump_json().encode())

    def verify(self, s3: S3Client, bucket: str, made: Manifest, found: Verification) -> None:
        """Write the verification of a backup that is stored, and sign it if it found no fault."""
        stored = manifest.read_stored(s3, bucket, made.dataset, made.backup_id)
        found = found.model_copy(update={"manifest_sha256": stored.reference.sha256})
        text = message(VERIFICATION, bucket, made.dataset, made.backup_id, *found.reference)
        mac = self.mac(self.verifications, text) if found.verified else None
        write_verification(s3, bucket, made.dataset, found.model_copy(update={"mac": mac}))
