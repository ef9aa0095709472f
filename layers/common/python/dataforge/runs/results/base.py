"""The base of results, and the members that several of them have."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """Base of the results. Readers ignore unknown fields, which a newer deployment may write."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def document(self) -> dict[str, Any]:
        """The JSON object."""
        return self.model_dump(mode="json")


class OfTable(Result):
    """The part of a result that describes one table. As the last base class it makes ``table`` the first field."""

    table: str
