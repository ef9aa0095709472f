"""Which path goes to which function, and whether the gateway asks for a key there: data, read by ``infra.api.api``.

The gateway only tells keys from no keys. Which kind of key a route wants (reader, writer, operator), and the answers 404 and
405, are the functions' own: they know their routes.
"""

from __future__ import annotations

from dataclasses import dataclass

INGEST = "ingest"
DELIVER = "deliver"
OPERATIONS = "operations"


@dataclass(frozen=True)
class Route:
    """A resource below the API's root. With ``keyless`` GET and HEAD need no key; every other method always does."""

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
"""The most specific path wins, whatever the order."""
