"""A fault: what is wrong, by name, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass

REPAIR = "dataforge doctor --repair"


@dataclass(frozen=True)
class Fault:
    """``mend`` are the statements with which applying the schema mends it; without any, ``by_hand`` is the way out.

    Applying mends tables by comparing them, so their faults carry ``by_hand`` = ``REPAIR`` and no statements.
    """

    code: str
    object: str
    detail: str
    mend: tuple[str, ...] = ()
    by_hand: str = REPAIR

    def finding(self) -> dict[str, str]:
        """As the doctor reports it."""
        way_out = REPAIR if self.mend else self.by_hand
        return {"code": self.code, "object": self.object, "detail": self.detail, "way_out": way_out}
