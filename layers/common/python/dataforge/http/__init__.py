"""HTTP behind API Gateway: requests, answers, problems, and the one way from a route to its function."""

from __future__ import annotations

from dataforge.http.access import Kind
from dataforge.http.message import Request, Response, json_response
from dataforge.http.routing import Router

__all__ = ["Kind", "Request", "Response", "Router", "json_response"]
