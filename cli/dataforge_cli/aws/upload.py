"""Upload files into the raw bucket, unless the same content is already stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import ProgressCallbackInvoker, TransferConfig, create_transfer_manager
from botocore.exceptions import ClientError
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from s3transfer.utils import ChunksizeAdjuster

from dataforge_cli.aws.failures import error_code
from dataforge_cli.output.bars import Words
from dataforge_cli.output.screen import Screen

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 64 * 2**20
_READ_BYTES = 2**20


def upload(
    s3: S3Client, bucket: str, prefix: str, files: Iterable[Path], screen: Screen, *, root: Path | None = None
) -> int:
    """Upload the files below the prefix, with a progress bar each. Returns the number of uploaded files.

    Keys contain their paths relative to ``root``.
    """
    names = {path: path.relative_to(root).as_posix() if root else path.name for path in files}
    new = {path: name for path, name in names.items() if not is_stored(s3, bucket, prefix + name, path)}
    if not new:
        return 0
    config = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
    # The manager sends several files at once. An error, and an interrupt, cancels the others.
    with _bars(screen) as bars, create_transfer_manager(s3, config) as manager:
        tasks = [bars.add_task(name, total=path.stat().st_size) for path, name in new.items()]
        sent = {
            path: manager.upload(str(path), bucket, prefix + name, subscribers=[_advancing(bars, task)])
            for (path, name), task in zip(new.items(), tasks, strict=True)
        }
        for path, transfer in sent.items():
            try:
                transfer.result()
            except ClientError as error:
                raise S3UploadFailedError(
                    f"Failed to upload {path} to s3://{bucket}/{prefix}{new[path]}: {error}"
                ) from error
    return len(new)


def _advancing(bars: Progress, task: TaskID) -> ProgressCallbackInvoker:
    return ProgressCallbackInvoker(partial(bars.advance, task))


def _bars(screen: Screen) -> Progress:
    return Progress(
        Words(lambda task: task.description),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=screen.err,
    )


def is_stored(s3: S3Client, bucket: str, key: str, path: Path, part: int = PART_BYTES) -> bool:
    """Return whether the object has the file's size and the ETag of an upload by this command.

    An object that was uploaded in other parts, or encrypted with a KMS key, has another ETag for the same content. It is
    uploaded again, which costs only time.
    """
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in {"404", "NoSuchKey", "NotFound"}:
            return False
        raise
    return head["ContentLength"] == path.stat().st_size and head["ETag"] == etag(path, part)


def etag(path: Path, part: int = PART_BYTES) -> str:
    """Return S3's ETag of the content: its MD5, or for multipart uploads the MD5 of the parts' MD5s and their number."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size < part:
            return f'"{_digest(file, size).hex()}"'
        part = ChunksizeAdjuster().adjust_chunksize(part, size)
        digests = [_digest(file, part) for _ in range(0, size, part)]
    return f'"{hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"'


def _digest(file: BinaryIO, count: int) -> bytes:
    """Return the MD5 of the file's next ``count`` bytes."""
    digest = hashlib.md5(usedforsecurity=False)
    while count and (block := file.read(min(count, _READ_BYTES))):
        digest.update(block)
        count -= len(block)
    return digest.digest()
