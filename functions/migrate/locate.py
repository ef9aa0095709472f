"""From a row's position back to its record in the file: raw text, line and byte offset."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dataforge.csvfile import split_records
from dataforge.objects import Object, read_range
from dataforge.rejections import Located
from dataforge.rows import Violation
from dataforge.shadow import FILE_SHIFT
from functions.migrate.run import Run


def locate(cursor: Any, s3: Any, run: Run, bad: Sequence[tuple[int, list[Violation]]]) -> Iterator[Located]:
    """The records at these positions, in file order. Reads each chunk that has one of them once, one at a time."""
    if not bad:
        return
    cursor.execute(
        "SELECT file_number, first_byte, end_byte, first_line, bucket, key, etag, size FROM dataforge.migration_chunks"
        " JOIN dataforge.migration_files USING (migration_id, file_number)"
        " WHERE migration_id = %s AND first_byte IS NOT NULL ORDER BY file_number, first_byte",
        (run.id,),
    )
    chunks = cursor.fetchall()
    starts = [(number << FILE_SHIFT) + first for number, first, *_ in chunks]
    by_chunk: dict[int, list[tuple[int, list[Violation]]]] = defaultdict(list)
    for position, violations in sorted(bad, key=lambda one: one[0]):
        by_chunk[bisect.bisect_right(starts, position) - 1].append((position, violations))
    for index, inside in by_chunk.items():
        _, first, end, line, *place = chunks[index]
        file = Object(*place)
        data = read_range(s3, file, first, end)
        ends = split_records(data, last=True).ends
        offset = 0
        for position, violations in inside:
            start = position - starts[index]
            line += data.count(b"\n", offset, start)
            offset = start
            raw = data[start : int(ends[np.searchsorted(ends, start, side="right")])]
            yield Located(run.id, file.key, line, first + start, raw, violations)
