"""Verify signatures with KMS, in the operations function and the command line, which can reach it."""

from __future__ import annotations

from functools import partial
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from dataforge.backups.signatures import Verifier
from dataforge.backups.signed_text import ALGORITHM
from dataforge.errors import Unavailable, UnusableKey

INVALID = ("KMSInvalidMacException", "KmsInvalidMacException")
"""The error of VerifyMac for another HMAC: the name of the service, and the one that Step Functions reports."""


def make_verifier(kms: Any, bucket: str, manifest_key: str, verification_key: str) -> Verifier:
    """The verifier of the backups in ``bucket``. ``kms``: a client. The keys are ARNs."""
    return Verifier(bucket, manifest_key, verification_key, partial(_verify, kms))


def _verify(kms: Any, key: str, text: bytes, mac: bytes) -> bool:
    """Whether KMS computes the HMAC for the text. Raises ``Unavailable``, ``UnusableKey``."""
    try:
        kms.verify_mac(KeyId=key, MacAlgorithm=ALGORITHM, Message=text, Mac=mac)
    except (HTTPClientError, NotConnected) as error:
        raise Unavailable("KMS did not answer.") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in INVALID:
            return False
        if code in {"ThrottlingException", "KMSInternalException", "DependencyTimeoutException"}:
            raise Unavailable(f"KMS is unavailable: {code}.") from error
        raise UnusableKey(key, code) from error
    return True
