"""Idempotency keys of requests that start a run: the run id of each key, stored in S3.

The first request with a key stores the id that it will use, by a conditional write. Every later request reads this id and
starts the same execution again, which Step Functions recognises by its name. So a run is neither lost nor started twice,
wherever a request is interrupted. A lifecycle rule deletes claims after 30 days; Step Functions stores names for 90.
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
"""The errors of S3 for a conditional write after another request's."""


@dataclass(frozen=True)
class Claim:
    """An idempotency key, its owner (the identity of an API key), and the request's route and document."""

    owner: str
    route: str
    key: str
    document: Any

    @property
    def object_key(self) -> str:
        """The object key of the claim."""
        words = json.dumps([self.owner, self.route, self.key])
        return claim_key(hashlib.sha256(words.encode()).hexdigest())

    @property
    def digest(self) -> str:
        """The SHA-256 of the document."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()


def resolve(s3: S3Client, bucket: str, claim: Claim, fresh: str) -> str:
    """The run id of the claim's key: ``fresh``, or that of an earlier request.

    Raises ``KeyReused`` if the earlier request had another document, and ``Unavailable``.
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
    """The run id of an earlier request, or None. Raises ``KeyReused`` if it had another document, and ``Unavailable``."""
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
