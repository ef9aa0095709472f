"""Execute statements and roll them back, to find out whether PostgreSQL accepts them.

One statement does both, so that a backend without a client can execute it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg2

from dataforge.postgres.shadow import attempt
from dataforge.postgres.sql import Sql, literal
from dataforge.runs.unattended.script import ROLLED_BACK, VARIABLES, Script
from dataforge.runs.unattended.stored_errors import DOCUMENT, IS_OWN, READ, RolledBack, read_error
from dataforge.runs.unattended.stored_errors import VARIABLES as ERROR_VARIABLES

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_BLOCK = Sql("""
DECLARE {variables}
BEGIN
    BEGIN
        {body}
        RAISE EXCEPTION USING ERRCODE = {rolled_back};
    EXCEPTION WHEN OTHERS THEN
        {read}
    END;
    RAISE EXCEPTION USING ERRCODE = {rolled_back},
        MESSAGE = CASE WHEN state = {rolled_back} AND {is_own} THEN 'null' ELSE ({document})::text END;
END
""")
"""Always fails: a function without a result returns nothing except by an error."""


def error_of(cursor: Cursor, script: Script) -> Exception | None:
    """The error of the script's statements, as ``read_error`` reads it; None if all of them succeed."""
    block = _BLOCK.format(
        variables=VARIABLES + ERROR_VARIABLES,
        body=script.body(),
        rolled_back=literal(ROLLED_BACK),
        is_own=IS_OWN,
        read=READ,
        document=DOCUMENT,
    )
    with attempt(cursor, psycopg2.Error, RolledBack) as failed:
        cursor.execute(Sql("DO {}").format(literal(block)))
    document = _document(failed[0])
    return None if document is None else read_error(document)


def _document(error: Exception) -> dict[str, object] | None:
    if isinstance(error, RolledBack):
        return error.document
    if isinstance(error, psycopg2.Error) and error.pgcode == ROLLED_BACK:
        document: dict[str, object] | None = json.loads(error.diag.message_primary or "null")
        return document
    raise error
