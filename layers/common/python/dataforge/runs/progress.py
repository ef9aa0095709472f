"""Encode a migration's progress as objects of the report bucket, and decode it.

``progress_folder(execution)`` contains ``plan.json``, and an empty object for each loaded chunk and table, whose name has
the counts: one list request reads the progress, and no worker waits for another.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict

_CHUNK = re.compile(
    r"(?P<table>[^/]+)/(?P<chunk>\d+)-(?P<bytes>\d+)-(?P<read>\d+)-(?P<rejected>\d+)", re.ASCII
)


class LoadedChunk(NamedTuple):
    """A loaded chunk of one table: its bytes, the records read, and the rejected ones among them."""

    table: str
    chunk: int
    bytes: int
    read: int
    rejected: int

    @property
    def name(self) -> str:
        """The object's key below the progress folder.

        >>> LoadedChunk("orders", 3, 16777216, 40000, 12).name
        'orders/3-16777216-40000-12'
        """
        return f"{self.table}/{self.chunk}-{self.bytes}-{self.read}-{self.rejected}"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """The chunk of this name; None for the name of another object."""
        match = _CHUNK.fullmatch(name)
        if match is None:
            return None
        return cls(match["table"], *(int(match[field]) for field in cls._fields[1:]))


class LoadedSums(NamedTuple):
    """The sums over a table's loaded chunks."""

    bytes: int = 0
    read: int = 0
    rejected: int = 0


class Plan(BaseModel):
    """The work of a run: ``bytes`` to load by table, and what an earlier execution has ``loaded`` of them.

    The unit of ``bytes`` is rows for a Parquet file, and rejections for a replay.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    migration_id: str
    dataset: str
    bytes: dict[str, int]
    loaded: dict[str, LoadedSums] = {}
