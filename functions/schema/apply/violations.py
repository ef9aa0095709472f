"""Count the rows that contradict a declaration, before anything is changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg2

from dataforge.postgres.connection import is_translated
from dataforge.postgres.rows import one_row
from dataforge.postgres.shadow import attempt
from dataforge.postgres.sql import Sql, from_catalog

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_FOREIGN_KEY = re.compile(r"FOREIGN KEY \((.+?)\) REFERENCES (.+)\(([^()]+)\)")
_UNIQUE = re.compile(r"(?:PRIMARY KEY|UNIQUE) \((.+?)\)")
_CHECK = re.compile(r"CHECK (\(.+\))", re.DOTALL)


def count_violations(cursor: Cursor, relation: Sql, definition: str) -> int:
    """The rows of ``relation`` that violate a constraint, by its definition as PostgreSQL prints it; 0 if unknown.

    Unknown are constraints on columns and tables that do not exist yet, or whose type changes.
    """
    query = _violations(relation, definition)
    return 0 if query is None else count(cursor, query)


def count(cursor: Cursor, query: Sql) -> int:
    """The number that a query returns; 0 if PostgreSQL cannot run it on the present columns."""
    found = 0
    with attempt(cursor, psycopg2.Error) as failed:
        cursor.execute(query)
        found = int(one_row(cursor)[0])
    for error in failed:
        if not isinstance(error, psycopg2.ProgrammingError | psycopg2.DataError) or is_translated(error):
            raise error
    return found


def _violations(relation: Sql, definition: str) -> Sql | None:
    if match := _CHECK.match(definition):
        return Sql("SELECT count(*) FROM {} WHERE NOT {}").format(relation, from_catalog(match[1]))
    if match := _UNIQUE.match(definition):
        return _repeated(relation, from_catalog(match[1]))
    if match := _FOREIGN_KEY.match(definition):
        return _orphans(relation, *map(from_catalog, match.groups()))
    return None


def _repeated(relation: Sql, columns: Sql) -> Sql:
    return Sql(
        "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) n FROM {relation} WHERE ROW({columns}) IS NOT NULL"
        " GROUP BY {columns} HAVING count(*) > 1) repeated"
    ).format(relation=relation, columns=columns)


def _orphans(relation: Sql, columns: Sql, parent: Sql, parent_columns: Sql) -> Sql:
    return Sql(
        "SELECT count(*) FROM {relation} WHERE ROW({columns}) IS NOT NULL"
        " AND ROW({columns}) NOT IN (SELECT {parent_columns} FROM {parent} WHERE ROW({parent_columns}) IS NOT NULL)"
    ).format(relation=relation, columns=columns, parent=parent, parent_columns=parent_columns)
