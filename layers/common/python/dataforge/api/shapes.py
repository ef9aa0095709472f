"""The shapes of answers, for the OpenAPI document alone: answers themselves are written without models, for speed.

Tests hold the answers to these shapes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """An answer's object, which has these members and no others."""

    model_config = ConfigDict(extra="forbid")


class ProblemError(Shape):
    """One thing that is wrong with a request: in its body (pointer) or its query (parameter)."""

    pointer: str | None = None
    parameter: str | None = None
    code: str
    message: str


class Problem(Shape):
    """An error, as RFC 9457 has it."""

    type: Annotated[str, Field(description="a URN that names the situation; stable")]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="the request's id, as in the log")]
    errors: list[ProblemError] | None = None
