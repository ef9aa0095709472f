"""Decide by values whether files with the same columns are parts of one table or several tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from discovery.folders.grouping import FoundFile
from discovery.folders.reading import text_batches

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Row = Mapping[str, str | None]

_ROWS = 2_000
_FILES = 6
_SHARE = 0.2
_FEW = 3


def overlap_of(s3: S3Client) -> Callable[[Sequence[FoundFile]], str]:
    """The function that names the first column whose values are unique in each file and begin again in another.

    Identical records are copies, not evidence. The first records of some files decide.
    """

    def overlap(files: Sequence[FoundFile]) -> str:
        samples = [_sample(s3, file) for file in files[:_FILES]]
        samples = [sample for sample in samples if len(sample) >= _FEW]
        shared = [name for name in files[0].file.header if all(name in f.file.header for f in files)]
        for name in shared:
            values = [[row[name] for row in sample] for sample in samples]
            if all(None not in column and len(set(column)) == len(column) for column in values):
                return name if _repeats(samples, name, shared) else ""
        return ""

    return overlap


def _sample(s3: S3Client, found: FoundFile) -> list[Row]:
    rows: list[Row] = []
    for batch in text_batches(s3, found.file):
        rows += batch.slice(0, _ROWS - len(rows)).to_pylist()
        if len(rows) >= _ROWS:
            break
    return rows


def _repeats(samples: Sequence[Sequence[Row]], name: str, shared: Sequence[str]) -> bool:
    """Whether a considerable share of the values of one file occurs in another with different records."""
    for one, other in combinations(samples, 2):
        known = {row[name]: [row[column] for column in shared] for row in one}
        changed = sum(known.get(row[name], values) != values for row, values in _values(other, shared))
        if changed > _SHARE * min(len(one), len(other)):
            return True
    return False


def _values(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[tuple[Row, list[str | None]]]:
    return ((row, [row[column] for column in columns]) for row in rows)
