"""Recognize rows that an owner's own rules (constraints, indexes, triggers, functions) refuse.

The SQLSTATE is not sufficient: a trigger can raise any, including that of a lost connection or a deadlock. PostgreSQL also
reports which of its functions raised the error, independent of the language of messages.
"""

from __future__ import annotations

import psycopg2

from dataforge.records.rejections import same_unique_value
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Table

CODE = "constraint"
_LONGEST = 500
RAISE = "exec_stmt_raise"
"""PostgreSQL's function behind PL/pgSQL's RAISE."""
_OF_A_ROW = ("21", "22", "23", "44", "54", "P0")
"""SQLSTATE classes that a row can cause without a function: data, constraints, size of an index entry."""
_OF_THE_SERVER = ("08", "25", "40", "53", "55", "57", "58", "XX001", "XX002")
"""SQLSTATE classes of failures inside an owner's function that do not refuse a row: locks, a full disk, cancellation."""


def refusal(error: BaseException | None) -> str | None:
    """The constraint's name, or the first line of a function's message; None if no rule refused a row.

    The text may quote the row: return it to the sender of the row only, and never log it.
    """
    if not isinstance(error, psycopg2.Error) or not error.pgcode:
        return None
    state, diag = error.pgcode, error.diag
    raised = diag.source_function == RAISE
    if not raised and state.startswith(_OF_THE_SERVER):
        return None
    if not raised and not diag.context and not state.startswith(_OF_A_ROW):
        return None
    if state.startswith("23") and not raised:
        if diag.constraint_name:
            return diag.constraint_name
        if diag.column_name:
            return f"NOT NULL of {diag.column_name}"
    lines = (diag.message_primary or "").strip().splitlines()
    return lines[0][:_LONGEST] if lines else "refused without a message"


def violation(table: Table, error: psycopg2.Error) -> Violation | None:
    """The violation of a row that a rule of the table refused; None for other errors."""
    text = refusal(error)
    if text is None:
        return None
    diag = error.diag
    if is_taken(table, error):
        unique = next(unique for unique in table.uniques if unique.name == diag.constraint_name)
        return same_unique_value(unique, "batch")
    if diag.constraint_name == text:
        where = (
            f"{diag.schema_name}.{diag.table_name}" if diag.table_name else f"{table.dataset}.{table.name}"
        )
        text = f"{text}: this constraint of {where} refuses the record"
    column = diag.column_name if diag.table_name == table.name and diag.column_name in table.by_name else None
    return Violation(CODE, text, column)


def is_lost_parent(table: Table, error: BaseException | None) -> bool:
    """Whether the row's parent, by a declared foreign key, was deleted after it was found."""
    return (
        isinstance(error, psycopg2.errors.ForeignKeyViolation)
        and error.diag.source_function != RAISE
        and error.diag.table_name == table.name
        and error.diag.constraint_name in {key.name for key in table.foreign_keys}
    )


def is_taken(table: Table, error: BaseException | None) -> bool:
    """Whether a stored row has a unique value of the row, by a declared constraint."""
    return (
        isinstance(error, psycopg2.errors.UniqueViolation)
        and error.diag.source_function != RAISE
        and error.diag.table_name == table.name
        and error.diag.constraint_name in {unique.name for unique in table.uniques}
    )


def is_raised(error: BaseException | None) -> bool:
    """Whether a function raised the error explicitly, with any SQLSTATE."""
    return isinstance(error, psycopg2.Error) and error.diag.source_function == RAISE
