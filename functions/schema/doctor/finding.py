"""A difference between the declared and the actual database, with its fixes or a hint."""

from __future__ import annotations

from dataclasses import dataclass

REPAIR = "dataforge doctor --repair"
_FORMER_CODES = {"excess_privileges": "too_mighty"}


@dataclass(frozen=True)
class Finding:
    """``fixes``: statements with which applying the schema fixes it; without them, ``hint`` states what to do.

    Applying the schema fixes tables by comparing them, so their findings have the hint ``REPAIR`` and no statements.
    """

    code: str
    object: str
    detail: str
    fixes: tuple[str, ...] = ()
    hint: str = REPAIR

    def report(self) -> dict[str, str]:
        """The JSON of the finding. ``way_out`` and ``former_code`` are deprecated; see the changelog."""
        hint = REPAIR if self.fixes else self.hint
        finding = {
            "code": self.code,
            "object": self.object,
            "detail": self.detail,
            "hint": hint,
            "way_out": hint,
        }
        former = _FORMER_CODES.get(self.code)
        return finding | {"former_code": former} if former else finding
