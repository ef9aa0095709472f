"""A reason why a record is not a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LONGEST_TEXT = 1_000
"""Characters of a message and of a column's name. Both may contain a value or a name of the record, of any length."""


class Violation(NamedTuple):
    """A reason to reject a record; ``column`` is None if it concerns the whole record."""

    code: str
    message: str
    column: str | None = None

    def as_json(self) -> dict[str, str]:
        """The stored and published form of a violation."""
        found = {"code": self.code, "message": shortened(self.message)}
        return found | ({"column": shortened(self.column)} if self.column else {})


def shortened(text: str) -> str:
    """The text, of at most ``LONGEST_TEXT`` characters and an ellipsis."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def first_violations(violations: Sequence[Violation], share: int) -> Sequence[Violation]:
    """The first violations, and the first of each other code."""
    if len(violations) <= share:
        return violations
    shown = list(violations[:share])
    codes = {violation.code for violation in shown}
    for violation in violations[share:]:
        if violation.code not in codes:
            codes.add(violation.code)
            shown.append(violation)
    return shown
