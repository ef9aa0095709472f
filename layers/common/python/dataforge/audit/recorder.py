"""Record entries of requests in functions with a database, each in a separate transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

from dataforge.audit.entry import Entry, log
from dataforge.audit.record import record
from dataforge.audit.requests import refused_entry
from dataforge.errors import DataForgeError
from dataforge.http.message import Request
from dataforge.http.routing import Refused
from dataforge.postgres.connection import transaction, with_connection
from dataforge.settings import HttpSettings, read

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


def recorder(settings: type[HttpSettings]) -> Refused:
    """The function that records refusals, by the connection that a function has with these settings.

    If the database is unavailable, the log alone has the entry. The answer to the caller is the same.
    """

    def refused(request: Request, route: str, error: DataForgeError) -> None:
        if not request.api_key_id:
            return
        entry = refused_entry(request, route, error)
        try:
            append(entry, settings)
        except (psycopg2.Error, DataForgeError):
            log(vars(entry))

    return refused


def append(entry: Entry, settings: type[HttpSettings] = HttpSettings) -> None:
    """Append the entry."""

    def work(db: Connection) -> None:
        with transaction(db) as cursor:
            record(cursor, entry)

    with_connection(read(settings), work)
