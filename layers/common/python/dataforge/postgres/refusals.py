"""Describe errors of PostgreSQL by names only: its own messages and details may quote values of a row."""

from __future__ import annotations

import re

_CONSTRAINTS = {
    "23502": "not-null constraint",
    "23503": "foreign key",
    "23505": "unique constraint",
    "23514": "check constraint",
    "23P01": "exclusion constraint",
}
_RAISED = re.compile(r"^PL/\w+ function (?P<name>[\w.\"]+)\(", re.MULTILINE)
_LONGEST = 200


def is_database_error(error: BaseException) -> bool:
    """Whether it is an error of psycopg2, which not every function includes."""
    return any(kind.__module__.startswith("psycopg2") for kind in type(error).__mro__)


def describe(error: BaseException) -> str:
    """The rule, its table and the SQLSTATE: ``olist.orders: a row violates check constraint "paid" (SQLSTATE 23514)``.

    For an exception of a function: the function's name. ``error``: of psycopg2.
    """
    diag, state = getattr(error, "diag", None), getattr(error, "pgcode", None) or "none"
    table = ".".join(filter(None, (getattr(diag, n, None) for n in ("schema_name", "table_name"))))
    return f"{f'{table}: ' if table else ''}{_what(error, diag, state)} (SQLSTATE {state})"[:_LONGEST]


def _what(error: BaseException, diag: object, state: str) -> str:
    name, column = getattr(diag, "constraint_name", None), getattr(diag, "column_name", None)
    rule, raised = _CONSTRAINTS.get(state), _RAISED.search(getattr(diag, "context", None) or "")
    if name:
        return f'a row violates {rule or "constraint"} "{name}"'
    if rule and column:
        return f'a row violates {rule} of column "{column}"'
    if raised:
        return f"the function {raised['name']}() refuses a row: {_words(error)}"
    return f'column "{column}": {_words(error)}' if column else _words(error)


def _words(error: BaseException) -> str:
    """PostgreSQL's name of the SQLSTATE: ``character not in repertoire``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
