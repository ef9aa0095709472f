"""Errors of PostgreSQL that the ledger stores, and that are raised again in another process.

The stored document has names only: the message, the detail and the context of an error may quote values of a row.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import psycopg2
import psycopg2.errors

from dataforge.postgres import row_security
from dataforge.postgres.owner_rules import RAISE
from dataforge.postgres.sql import Sql, literal
from dataforge.runs.unattended.script import DIFFERS, REFUSED, ROLLED_BACK

_FUNCTIONS = Sql(r"""
    SELECT string_agg(line, E'\n') FROM string_to_table(context, E'\n') line WHERE line ~ '^PL/\w+ [^ ]+ [^ ]+\('
""")
"""The lines of a context that name functions. A DO block has no parenthesis."""

IS_OWN = Sql(r"""
    (split_part(context, E'\n', 1) ~ '^[^(]*inline_code_block[^(]*RAISE[^(]*$' AND ({functions}) IS NULL)
""").format(functions=_FUNCTIONS)
"""Whether the DO block itself raised the error, in any language of messages: a trigger can raise any SQLSTATE."""

VARIABLES = Sql(
    "state text; message text; context text; schema_name text; table_name text; column_name text; constraint_name text;"
)
"""The variables of PL/pgSQL that ``READ`` fills."""

READ = Sql("""
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT,
        schema_name = SCHEMA_NAME, table_name = TABLE_NAME, column_name = COLUMN_NAME,
        constraint_name = CONSTRAINT_NAME;
""")

DOCUMENT = Sql("""
    json_build_object('state', state, 'schema_name', schema_name, 'table_name', table_name, 'column_name', column_name,
        'constraint_name', constraint_name, 'context', ({functions}),
        'row_security', state = '42501' AND message LIKE '%row-level security%',
        'raised', split_part(context, E'\\n', 1) ~ ' RAISE$',
        'differs', CASE WHEN state = {differs} AND {is_own} THEN message END,
        'refused', CASE WHEN state = {refused} AND {is_own} THEN message END,
        'rolled_back', CASE WHEN state = {rolled_back} AND {is_own} THEN message END)
""").format(
    functions=_FUNCTIONS,
    is_own=IS_OWN,
    differs=literal(DIFFERS),
    refused=literal(REFUSED),
    rolled_back=literal(ROLLED_BACK),
)
"""The stored document, from ``VARIABLES``."""


class NumberDiffers(Exception):
    """A number of a script is not the expected one."""

    def __init__(self, name: str, expected: int, found: int) -> None:
        super().__init__(f"{name}: {found}, expected {expected}")
        self.name, self.expected, self.found = name, expected, found


class ScriptRefused(Exception):
    """A script refused to continue. ``text``: why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class RolledBack(Exception):
    """Statements were tried and rolled back. ``document``: of their error, or None."""

    def __init__(self, document: dict[str, Any] | None) -> None:
        super().__init__("rolled back")
        self.document = document


def read_error(document: dict[str, Any]) -> NumberDiffers | ScriptRefused | RolledBack | psycopg2.Error:
    """The error, of the class that psycopg2 raises for it, with its SQLSTATE and the names that it concerns."""
    if document["differs"]:
        return NumberDiffers(*json.loads(document["differs"]))
    if document["refused"]:
        return ScriptRefused(document["refused"])
    if rolled_back := document.get("rolled_back"):
        return RolledBack(json.loads(rolled_back))
    try:
        kind = psycopg2.errors.lookup(document["state"])
    except KeyError:
        kind = psycopg2.DatabaseError
    source = RAISE if document["raised"] else row_security.SOURCE if document["row_security"] else None
    names = ("schema_name", "table_name", "column_name", "constraint_name", "context")
    diag = SimpleNamespace(
        **{name: document[name] or None for name in names},
        message_primary=None,
        source_function=source,
    )
    error: psycopg2.Error = type(kind.__name__, (kind,), {"pgcode": document["state"], "diag": diag})()
    return error
