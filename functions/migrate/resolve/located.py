"""Locate rejected rows, if there are any, in the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from dataforge.records.rejections import Located
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor
    from functions.migrate.resolve.locate import Rejected


def located(cursor: Cursor, s3: S3Client, run: Run, rejected: Iterable[Rejected]) -> Iterator[Located]:
    """The records at these positions, which ascend, as ``locate`` yields them."""
    rows = iter(rejected)
    first = next(rows, None)
    if first is not None:
        # With NumPy and Arrow, which a run without rejected rows does not need.
        from functions.migrate.resolve.locate import locate  # noqa: PLC0415

        yield from locate(cursor, s3, run, chain([first], rows))
