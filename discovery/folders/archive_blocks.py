"""Read archives in a bucket by large blocks: their directory is read again for each file, by many small ranges."""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

_BLOCK = 4 << 20
_BLOCKS = 8
"""The blocks in memory."""
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]+)")

Request = Callable[[Mapping[str, Any]], bytes]


class ArchiveBlocks:
    """The last blocks of ``size`` that were read. ``request`` reads what a call of ``get_object`` names."""

    def __init__(self, request: Request, size: int = _BLOCK) -> None:
        self._request, self._size = request, size
        self._blocks: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()

    def read(self, call: Mapping[str, Any]) -> io.BytesIO | None:
        """The range that a call of ``get_object`` requests; None if it is none, or a large one, which is a stream."""
        match = _RANGE.fullmatch(call.get("Range", ""))
        start, end = (int(match[1]), int(match[2])) if match else (0, self._size * _BLOCKS)
        if end - start >= self._size * _BLOCKS:
            return None
        numbers = range(start // self._size, end // self._size + 1)
        content = b"".join(self._block(call, number) for number in numbers)
        offset = numbers[0] * self._size
        return io.BytesIO(content[start - offset : end - offset + 1])

    def _block(self, call: Mapping[str, Any], number: int) -> bytes:
        key = (call["Key"], call.get("IfMatch", ""), number)
        if key not in self._blocks:
            wanted = f"bytes={number * self._size}-{(number + 1) * self._size - 1}"
            self._blocks[key] = self._request({**call, "Range": wanted})
        self._blocks.move_to_end(key)
        while len(self._blocks) > _BLOCKS:
            self._blocks.popitem(last=False)
        return self._blocks[key]
