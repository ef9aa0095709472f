"""The text that KMS signs for a manifest or a verification. State machines and functions compose the same text."""

from __future__ import annotations

from typing import Final, Literal

ALGORITHM: Final = "HMAC_SHA_256"
FORMAT: Final = "dataforge-signature-1"
VERIFICATION: Final = "verification"

Purpose = Literal["backup", "safety", "export", "verification"]
"""The signed document: a manifest of this kind, or a verification."""


def message(purpose: str, bucket: str, dataset: str, backup_id: str, version: str, sha256: str) -> str:
    """The text that is signed. No part contains a blank.

    >>> message("backup", "BUCKET", "olist", "20261125T205118Z-16c5ab8d", "v1", "0a…")
    'dataforge-signature-1 backup BUCKET olist 20261125T205118Z-16c5ab8d v1 0a…'
    """
    return " ".join([FORMAT, purpose, bucket, dataset, backup_id, version, sha256])
