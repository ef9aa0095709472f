"""Parts of the events that API Gateway sends to functions."""

from __future__ import annotations

from typing import Any

WRITER, OPERATOR = "writer." + "k" * 40, "operator." + "k" * 40
"""API keys."""


def request_context(
    key: str | None, request_id: str = "request-1", key_id: str | None = "key-1"
) -> dict[str, Any]:
    """The request's id and its API key, which the gateway has checked; None on routes without a key."""
    identity = {"apiKey": key, "apiKeyId": None if key is None else key_id, "sourceIp": "192.0.2.1"}
    return {"requestId": request_id, "identity": identity}
