"""Limit exports to one at a time per API key and table: a second request gets the id of the running one.

That id is stored in S3, beside the claims, and replaced by conditional writes (If-Match): of concurrent requests, one
starts an export, and the others get its id.
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
"""The age up to which a stored export without an execution counts as running, because it is being started."""

IsRunning = Callable[[str], bool | None]
"""Whether the export with an id is running, or None if it does not exist."""


@dataclass(frozen=True)
class Slot:
    """The owner, table and format of a requested export."""

    owner: str
    dataset: str
    table: str
    form: str

    @classmethod
    def of(cls, owner: str, document: Mapping[str, str]) -> Slot:
        """Create the slot of a request."""
        request = ExportRequest.model_validate(document)
        return cls(owner, request.dataset, request.table, request.format)

    @property
    def object_key(self) -> str:
        """The key of the object that contains the running export's id."""
        words = json.dumps([self.owner, self.dataset, self.table])
        return export_claim_key(hashlib.sha256(words.encode()).hexdigest())


def claim_export(
    s3: S3Client, bucket: str, slot: Slot, fresh: str, is_running: IsRunning, admit: Callable[[], None]
) -> str:
    """The id of the running export, or ``fresh``, which is then stored as the running one.

    ``admit`` is called before a new export starts. Raises ``ExportRunning``, ``Unavailable``, and what ``admit`` raises.
    """
    found, etag = _read(s3, bucket, slot)
    if found is not None and _may_be_running(found["id"], is_running):
        return _running_id(slot, found)
    admit()
    request: PutObjectRequestTypeDef = {
        "Bucket": bucket,
        "Key": slot.object_key,
        "Body": json.dumps({"id": fresh, "format": slot.form}).encode(),
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
        other, _ = _read(s3, bucket, slot)
        if other is None:
            raise Unavailable("Another request for this export is still being processed.") from error
        return _running_id(slot, other)
    return fresh


def _running_id(slot: Slot, found: Mapping[str, str]) -> str:
    if found["format"] != slot.form:
        raise ExportRunning(found["id"], found["format"])
    return found["id"]


def _may_be_running(run: str, is_running: IsRunning) -> bool:
    state = is_running(run)
    if state is not None:
        return state
    written = time_of(run)
    return written is not None and datetime.now(UTC) - written < _STARTING


def _read(s3: S3Client, bucket: str, slot: Slot) -> tuple[dict[str, str] | None, str | None]:
    """The stored export and the ETag of its object, or None for both."""
    try:
        with translated(bucket, "a running export"):
            answer = s3.get_object(Bucket=bucket, Key=slot.object_key)
            return json.loads(answer["Body"].read()), answer["ETag"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None, None
        raise
