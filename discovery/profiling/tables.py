"""Profile the files of all tables, several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from discovery.folders.grouping import TableFiles
from discovery.profiling.one_file import Profiled, profile_file
from discovery.workers import run_each

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def profile_tables(
    s3: S3Client,
    tables: Sequence[TableFiles],
    folder: Path,
    done: Callable[[str, int], None],
    workers: int | None = None,
) -> Iterator[tuple[int, list[Profiled]]]:
    """The number of each table with its profiled files; the largest tables are read first.

    ``done`` is called with the key and size of each file that is read. ``workers``: as in ``run_all``.
    """
    sizes = [[member.file.object.read_size for member in table.members] for table in tables]
    work = [
        (number, place)
        for number in sorted(range(len(tables)), key=lambda number: -sum(sizes[number]))
        for place in sorted(range(len(sizes[number])), key=lambda place: -sizes[number][place])
    ]
    calls = [
        (s3, tables[number].members[place], tables[number].header, folder, call)
        for call, (number, place) in enumerate(work)
    ]
    read: dict[int, dict[int, Profiled]] = {number: {} for number in range(len(tables))}
    results = run_each(profile_file, calls, [sizes[number][place] for number, place in work], workers)
    for call, profiled in results:
        number, place = work[call]
        read[number][place] = profiled
        file = tables[number].members[place].file.object
        done(file.key, file.size)
        if len(read[number]) == len(sizes[number]):
            found = read.pop(number)
            yield number, [found[place] for place in range(len(found))]
