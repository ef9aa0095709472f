"""The effect of bytes on the state machine of ``csv_boundaries``. The ledger stores it, also in steps that read no file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """Effect of some bytes on the state machine, for one initial state.

    ``end``: the state after them. ``first``: offset of the first record that starts after a LF, or -1.
    ``lines``: line feeds before that record.
    """

    end: str
    first: int
    lines: int
