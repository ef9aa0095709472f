"""Entries of requests to the HTTP API. The principal is the key that API Gateway vouches for."""

from __future__ import annotations

from dataforge.audit.entry import Entry
from dataforge.audit.operations import Operation
from dataforge.errors import DataForgeError
from dataforge.http.message import Request

_OPERATIONS = {
    "/v1/backups": Operation.BACKUP,
    "/v1/restores": Operation.RESTORE,
    "/v1/exports": Operation.EXPORT,
}


def operation_of(route: str) -> str:
    """The operation that a route is about."""
    return next((name for path, name in _OPERATIONS.items() if route.startswith(path)), Operation.REQUEST)


def refused_entry(request: Request, route: str, error: DataForgeError) -> Entry:
    """The entry. Of the request it has only the route's pattern, so that a key cannot fill the audit with other paths."""
    about = {"method": request.method, "route": route}
    return Entry("refused", request.api_key_id, operation_of(route), object=about, error=error.code)
