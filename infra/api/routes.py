"""The table of routes: the function of each path, and whether the gateway requires a key.

The gateway only checks that a key is valid. The functions check its kind (reader, writer, operator) and return statuses
404 and 405.
"""

from __future__ import annotations

from dataclasses import dataclass

INGEST = "ingest"
DELIVER = "deliver"
OPERATIONS = "operations"


@dataclass(frozen=True)
class Route:
    """A resource below the API's root. With ``keyless``, GET and HEAD require no key; all other methods do."""

    path: str
    function: str
    keyless: bool = False


ROUTES = (
    Route("/v1", DELIVER, keyless=True),
    Route("/v1/page/{proxy+}", DELIVER, keyless=True),
    Route("/v1/docs", INGEST, keyless=True),
    Route("/v1/docs/{proxy+}", INGEST, keyless=True),
    Route("/v1/openapi.json", INGEST, keyless=True),
    Route("/v1/health", INGEST, keyless=True),
    Route("/v1/audit", DELIVER),
    Route("/v1/quality", DELIVER),
    Route("/v1/tables", DELIVER),
    Route("/v1/tables/{proxy+}", DELIVER),
    Route("/v1/backups", OPERATIONS),
    Route("/v1/backups/{proxy+}", OPERATIONS),
    Route("/v1/exports", OPERATIONS),
    Route("/v1/exports/{proxy+}", OPERATIONS),
    Route("/v1/restores", OPERATIONS),
    Route("/v1/restores/{proxy+}", OPERATIONS),
    Route("/v1/{proxy+}", INGEST),
)
"""The most specific path wins, independent of the order."""
