"""Describe the status of a run that continues after the response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from dataforge.api.shapes import Shape
from dataforge.runs.ids import FORM

ID = {"type": "string", "pattern": f"^{FORM.pattern}$"}
EXAMPLE_ID = "20261125T195930Z-1f0c2a9b"
RunId = Annotated[str, Field(pattern=f"^{FORM.pattern}$")]


class Started(Shape):
    """The run was started, by this request or an earlier one with the same Idempotency-Key."""

    id: Annotated[str, Field(description="sorts by time")]
    status: Literal["running"]


class Run(Shape):
    """The status of a run, with its output after success, or error and cause after failure."""

    id: str
    status: Literal["running", "succeeded", "failed"]
    output: dict[str, Any] | None = None
    error: Annotated[str | None, Field(description="names the situation; stable")] = None
    cause: Annotated[str | None, Field(description="for people")] = None


def started() -> Mapping[str, Any]:
    """An example of ``Started``."""
    return {"id": EXAMPLE_ID, "status": "running"}
