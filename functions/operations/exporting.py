"""One export at a time for each key and table: a second request gets the one that is running.

Which that is lies in S3, beside the claims, and is replaced only by who saw it (If-Match): of requests at the same time one
starts an export, and the others get that one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from dataforge.api.exports import ExportRequest
from dataforge.errors import ExportRunning, Unavailable
from dataforge.runs.ids import time_of
from dataforge.s3.keys import export_claim_key
from dataforge.s3.objects import translated
from functions.operations.claims import TAKEN

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef


_STARTING = timedelta(minutes=1)
"""For so long an export that was written down and is not known to Step Functions is taken for one that is starting."""

IsRunning = Callable[[str], bool | None]
"""Whether the export of an id is running; None if there is none."""


@dataclass(frozen=True)
class Turn:
    """Whose export it would be, of which table, and in which format."""

    owner: str
    dataset: str
    table: str
    form: str

    @classmethod
    def of(cls, owner: str, document: Mapping[str, str]) -> Turn:
        """Of a request's key and body."""
        request = ExportRequest.model_validate(document)
        return cls(owner, request.dataset, request.table, request.format)

    @property
    def object_key(self) -> str:
        """Where the export is written down."""
        words = json.dumps([self.owner, self.dataset, self.table])
        return export_claim_key(hashlib.sha256(words.encode()).hexdigest())


def take(
    s3: S3Client, bucket: str, turn: Turn, fresh: str, is_running: IsRunning, admit: Callable[[], None]
) -> str:
    """The export's id: the running one's, or else ``fresh``, which is the running one from now on.

    ``admit`` is asked before a new one begins. Raises ``ExportRunning``, ``Unavailable``, and what ``admit`` raises.
    """
    found, etag = _read(s3, bucket, turn)
    if found is not None and _is_alive(found["id"], is_running):
        return _joined(turn, found)
    admit()
    request: PutObjectRequestTypeDef = {
        "Bucket": bucket,
        "Key": turn.object_key,
        "Body": json.dumps({"id": fresh, "format": turn.form}).encode(),
    }
    if etag is None:
        request["IfNoneMatch"] = "*"
    else:
        request["IfMatch"] = etag
    try:
        with translated(bucket, "a running export"):
            s3.put_object(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] not in TAKEN:
            raise
        other, _ = _read(s3, bucket, turn)
        if other is None:
            raise Unavailable("Another request for this export is being accepted.") from error
        return _joined(turn, other)
    return fresh


def _joined(turn: Turn, found: Mapping[str, str]) -> str:
    if found["format"] != turn.form:
        raise ExportRunning(found["id"], found["format"])
    return found["id"]


def _is_alive(run: str, is_running: IsRunning) -> bool:
    state = is_running(run)
    if state is not None:
        return state
    written = time_of(run)
    return written is not None and datetime.now(UTC) - written < _STARTING


def _read(s3: S3Client, bucket: str, turn: Turn) -> tuple[dict[str, str] | None, str | None]:
    """The export that is written down, and the object's ETag."""
    try:
        with translated(bucket, "a running export"):
            answer = s3.get_object(Bucket=bucket, Key=turn.object_key)
            return json.loads(answer["Body"].read()), answer["ETag"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None, None
        raise
