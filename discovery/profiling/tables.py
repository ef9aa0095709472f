"""Profile the files of all tables, several at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from discovery.folders.grouping import TableFiles
from discovery.profiling.one_file import Profiled, profile_file
from discovery.profiling.ranges import RANGE_BYTES, record_ranges
from discovery.workers import run_each

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from functions.migrate.scan.chunks import Chunk


@dataclass(frozen=True)
class _Work:
    """A file, or a ``part`` of one, of a table: the numbers of the table and of its file."""

    table: int
    place: int
    part: Chunk | None
    size: int


def profile_tables(
    s3: S3Client,
    tables: Sequence[TableFiles],
    folder: Path,
    done: Callable[[str, int], None],
    workers: int | None = None,
    range_bytes: int = RANGE_BYTES,
) -> Iterator[tuple[int, list[Profiled]]]:
    """The number of each table with its profiled files; the largest tables are read first.

    ``done`` is called with the key and size of each file that is read. ``workers``: as in ``run_all``. ``range_bytes``:
    about the size of the parts of large files, which are listed in their order.
    """
    work = list(_work(s3, tables, range_bytes))
    calls = [
        (s3, tables[one.table].members[one.place], tables[one.table].header, folder, number, one.part)
        for number, one in enumerate(work)
    ]
    left = Counter((one.table, one.place) for one in work)
    read: dict[int, dict[tuple[int, int], Profiled]] = {number: {} for number in range(len(tables))}
    for number, profiled in run_each(profile_file, calls, [one.size for one in work], workers):
        one = work[number]
        read[one.table][one.place, one.part.number if one.part else 0] = profiled
        left[one.table, one.place] -= 1
        if left[one.table, one.place]:
            continue
        file = tables[one.table].members[one.place].file.object
        done(file.key, file.size)
        if not any(left[one.table, place] for place in range(len(tables[one.table].members))):
            found = read.pop(one.table)
            yield one.table, [found[place] for place in sorted(found)]


def _work(s3: S3Client, tables: Sequence[TableFiles], range_bytes: int) -> Iterator[_Work]:
    """The work, the largest table first. Only a file of more than the share of a core is read in parts."""
    sizes = [[member.file.object.read_size for member in table.members] for table in tables]
    share = sum(map(sum, sizes)) / (os.cpu_count() or 1)
    for number in sorted(range(len(tables)), key=lambda number: -sum(sizes[number])):
        for place in sorted(range(len(sizes[number])), key=lambda place: -sizes[number][place]):
            size = sizes[number][place]
            file = tables[number].members[place].file
            for part in record_ranges(s3, file, range_bytes) if size > share else [None]:
                yield _Work(number, place, part, part.end - part.start if part else size)
