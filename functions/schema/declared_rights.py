"""The declared rights of every role, from the statements and mappings of ``dataforge.postgres.roles``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from dataforge.postgres.roles import (
    AUDITED,
    DELETE_SUPERSEDED,
    DELIVER,
    FUNCTIONS,
    GENERATE,
    MARK_REPLAYED,
    MIGRATION_RUN,
    OWNER,
    READERS,
    RECORD_AUDIT,
    ROLE_SQL,
    RUNS,
    SUM_QUALITY,
    table_grants,
)
from dataforge.postgres.sql import Sql, from_catalog, ident
from dataforge.tables.catalogue import Dataset
from functions.schema.apply.steps import CALLED, SCHEMA
from functions.schema.difference import LEDGER


class Right(NamedTuple):
    """A privilege of a role on a column or relation of a schema; on the schema itself if ``relation`` is empty."""

    schema: str
    relation: str
    column: str
    role: str
    privilege: Sql

    def where(self) -> str:
        """The object of the privilege."""
        return f"{self.schema}.{self.relation}" if self.relation else self.schema

    def what(self) -> str:
        """The privilege, with its column."""
        return f"{self.privilege} ({self.column})" if self.column else self.privilege

    def clause(self) -> Sql:
        """The part of a GRANT or REVOKE statement between the verb and the role."""
        column = Sql(" ({})").format(ident(self.column)) if self.column else Sql("")
        relation = Sql(".{}").format(ident(self.relation)) if self.relation else Sql("")
        kind = Sql("TABLE") if self.relation else Sql("SCHEMA")
        return Sql("{privilege}{column} ON {kind} {schema}{relation}").format(
            privilege=self.privilege, column=column, kind=kind, schema=ident(self.schema), relation=relation
        )


_USERS: Mapping[str, tuple[Sql, ...]] = {LEDGER: (*FUNCTIONS, OWNER, *RUNS), SCHEMA: RUNS}
GENERATING = (Sql("USAGE"), Sql("UPDATE"))
"""Privileges of ``GENERATE`` on the sequence of an identity column."""


def on_schema(schema: str) -> Iterator[Right]:
    """The rights on a schema itself, of roles that are not its owner."""
    yield from (Right(schema, "", "", role, Sql("USAGE")) for role in _USERS.get(schema, READERS))


def on_ledger() -> Iterator[Right]:
    """The rights on relations of the ledger, parsed from its GRANT statements."""
    for statement in ROLE_SQL:
        if Sql(" ON {}.").format(LEDGER) not in statement:
            continue
        privileges, _, rest = statement.removeprefix("GRANT ").partition(" ON ")
        relations, _, roles = rest.partition(" TO ")
        for relation in relations.split(", "):
            for role in roles.split(", "):
                for privilege, column in _split_privileges(privileges):
                    name = relation.removeprefix(f"{LEDGER}.")
                    yield Right(LEDGER, name, column, role, from_catalog(privilege))


def on_tables(datasets: Iterable[Dataset]) -> Iterator[Right]:
    """The rights on the tables of the datasets."""
    for dataset in datasets:
        for table in dataset.tables:
            for role, privilege in table_grants():
                yield Right(dataset.name, table, "", role, privilege)


def on_sequence(schema: str, sequence: str) -> Iterator[Right]:
    """The rights on the sequence of an identity column: the API generates values, and advances it beyond sent ones."""
    for role in GENERATE:
        yield from (Right(schema, sequence, "", role, privilege) for privilege in GENERATING)


def on_functions() -> set[tuple[str, str]]:
    """Each function, with the types that identify it and without spaces, and a role that may execute it."""
    steps = {(compact(f"{SCHEMA}.{name}"), role) for name in CALLED for role in RUNS}
    replays = {(compact(function), MIGRATION_RUN) for function in (MARK_REPLAYED, DELETE_SUPERSEDED)}
    sums = {(compact(SUM_QUALITY), DELIVER)}
    return steps | replays | sums | {(compact(RECORD_AUDIT), role) for role in (*AUDITED, *RUNS)}


def compact(function: str) -> str:
    """The name of a function without spaces."""
    return function.replace(" ", "")


def _split_privileges(text: str) -> Iterator[tuple[str, str]]:
    """``SELECT, UPDATE (a, "b")`` as ("SELECT", ""), ("UPDATE", "a"), ("UPDATE", "b")."""
    depth_free = text.replace(", ", ",")
    part = ""
    for character in depth_free + ",":
        if character != "," or part.count("(") > part.count(")"):
            part += character
            continue
        verb, _, columns = part.partition(" (")
        yield from (
            (verb, column)
            for column in (columns.rstrip(")").replace('"', "").split(",") if columns else [""])
        )
        part = ""
