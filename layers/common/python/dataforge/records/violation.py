"""A reason why a record is not a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """A reason to reject a record; ``column`` is None if it concerns the whole record."""

    code: str
    message: str
    column: str | None = None

    def as_json(self) -> dict[str, str]:
        """The stored and published form of a violation."""
        return {"code": self.code, "message": self.message} | ({"column": self.column} if self.column else {})
