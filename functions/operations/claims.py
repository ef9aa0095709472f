"""Idempotency keys of requests that start something: which id a key stands for, kept in S3.

The first request under a key writes the id that it is about to use, if nobody has (S3 decides); every later one finds it
there, and starts the same execution again, which Step Functions takes for the first. So nothing is lost or done twice,
wherever a request breaks off. A lifecycle rule removes claims after 30 days; execution names are remembered for 90.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dataforge.errors import KeyReused, Unavailable
from dataforge.s3.keys import claim_key
from dataforge.s3.objects import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}
"""How S3 answers a conditional write that another request was faster with."""


@dataclass(frozen=True)
class Claim:
    """An idempotency key, whose it is (an API key's identity), and the route and document that it stands for."""

    owner: str
    route: str
    key: str
    document: Any

    @property
    def object_key(self) -> str:
        """Where the claim lies."""
        words = json.dumps([self.owner, self.route, self.key])
        return claim_key(hashlib.sha256(words.encode()).hexdigest())

    @property
    def digest(self) -> str:
        """Tells the document from others."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()


def resolve(s3: S3Client, bucket: str, claim: Claim, fresh: str) -> str:
    """The id that the claim's key stands for: ``fresh``, or the one of an earlier request.

    Raises ``KeyReused`` if that was another request, and ``Unavailable``.
    """
    body = json.dumps({"id": fresh, "digest": claim.digest}).encode()
    try:
        with translated(bucket, "an idempotency key"):
            s3.put_object(Bucket=bucket, Key=claim.object_key, Body=body, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in TAKEN:
            raise
        earlier = find(s3, bucket, claim)
        if earlier is None:
            raise Unavailable("The first request with this Idempotency-Key is being accepted.") from error
        return earlier
    return fresh


def find(s3: S3Client, bucket: str, claim: Claim) -> str | None:
    """The id of an earlier request with the claim's key. Raises ``KeyReused`` if that was another, ``Unavailable``."""
    try:
        with translated(bucket, "an idempotency key"):
            found = json.loads(s3.get_object(Bucket=bucket, Key=claim.object_key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    if found["digest"] != claim.digest:
        raise KeyReused
    return str(found["id"])
