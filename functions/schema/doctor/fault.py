"""A fault of the database: what differs from the declaration, and the statements that repair it."""

from __future__ import annotations

from dataclasses import dataclass

REPAIR = "dataforge doctor --repair"
_FORMER_CODES = {"excess_privileges": "too_mighty"}


@dataclass(frozen=True)
class Fault:
    """``mend`` are the statements with which applying the schema repairs the fault; without them, ``by_hand`` is the hint.

    Applying the schema repairs tables by comparison, so their faults have ``by_hand`` = ``REPAIR`` and no statements.
    """

    code: str
    object: str
    detail: str
    mend: tuple[str, ...] = ()
    by_hand: str = REPAIR

    def finding(self) -> dict[str, str]:
        """The finding that the doctor reports. ``way_out`` and ``former_code`` are deprecated; see the changelog."""
        hint = REPAIR if self.mend else self.by_hand
        finding = {
            "code": self.code,
            "object": self.object,
            "detail": self.detail,
            "hint": hint,
            "way_out": hint,
        }
        former = _FORMER_CODES.get(self.code)
        return finding | {"former_code": former} if former else finding
