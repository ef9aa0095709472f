"""Profile the files of all tables, several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from discovery.grouping import TableFiles
from discovery.profiling.one_file import Profiled, profile_file
from discovery.workers import run_all

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def profile_tables(
    s3: S3Client,
    tables: Sequence[TableFiles],
    folder: Path,
    done: Callable[[str, int], None],
    workers: int | None = None,
) -> Iterator[tuple[TableFiles, Iterator[Profiled]]]:
    """Each table with its profiled files, which the caller takes before the next table.

    ``done`` is called with the key and size of each file that is read. ``workers``: as in ``run_all``.
    """
    members = [(member, table.header) for table in tables for member in table.members]
    calls = [(s3, *member, folder, number) for number, member in enumerate(members)]
    profiled = run_all(profile_file, calls, [member.file.object.read_size for member, _ in members], workers)
    for table in tables:
        yield table, _reported(table, profiled, done)


def _reported(
    table: TableFiles, profiled: Iterator[Profiled], done: Callable[[str, int], None]
) -> Iterator[Profiled]:
    for member, found in zip(table.members, profiled, strict=False):
        done(member.file.object.key, member.file.object.size)
        yield found
