"""Change a dataset's tables to what the catalogue declares. Each step handles all tables before the next step.

If a parent's key changes, the foreign keys of its children are dropped first and recreated at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.roles import LOGINS, OWNER, table_grants
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Dataset, Table
from functions.schema.apply.columns import change_columns
from functions.schema.apply.constraints import add_constraints, add_indexes, drop_foreign_keys, drop_others
from functions.schema.apply.subject import Outcome, Subject
from functions.schema.difference import Shape, expected_dataset, shapes
from functions.schema.names import Convention

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


TABLE_KINDS = ("r", "p")


def apply_dataset(cursor: Cursor, dataset: Dataset, outcome: Outcome) -> Iterator[str]:
    """Create the schema and missing tables, change existing ones. Yields a description of each change."""
    cursor.execute(Sql("CREATE SCHEMA IF NOT EXISTS {}").format(ident(dataset.name)))
    cursor.execute(Sql("GRANT USAGE ON SCHEMA {} TO {}").format(ident(dataset.name), Sql(", ").join(LOGINS)))
    before, want = shapes(cursor, dataset.name), expected_dataset(cursor, dataset)
    tables = [dataset.table(name) for wave in dataset.waves() for name in wave]
    subjects: list[Subject] = []
    for table in tables:
        name = (dataset.name, table.name)
        have = before.get(table.name)
        if have is None:
            what = f"{'.'.join(name)} cannot be created"
            if not outcome.done(cursor, what, ddl.create_table(table)):
                continue
            yield f"created {dataset.name}.{table.name}"
            have = replace(want[table.name], constraints={}, indexes={})
        if _is_table(name, have, outcome):
            subjects.append(Subject(cursor, name, have, want[table.name], outcome, closed=True))
    for undeclared in undeclared_tables(before, want):
        yield from _detach(cursor, (dataset.name, undeclared), before[undeclared], outcome)
    yield from _evolve(cursor, subjects, outcome)
    if not outcome.refusals:
        for table in tables:
            _complete(cursor, table)


def undeclared_tables(have: Mapping[str, Shape], want: Mapping[str, Shape]) -> list[str]:
    """Tables that Data Forge created (they belong to its owner role) and that the catalogue no longer declares."""
    return [
        n for n, shape in have.items() if n not in want and shape.kind in TABLE_KINDS and shape.owner == OWNER
    ]


def evolve(
    cursor: Cursor, name: tuple[str, str], have: Shape, want: Shape, outcome: Outcome
) -> Iterator[str]:
    """Change one of Data Forge's own tables, which may have columns of a later version."""
    if _is_table(name, have, outcome):
        yield from _evolve(cursor, [Subject(cursor, name, have, want, outcome, closed=False)], outcome)


def _is_table(name: tuple[str, str], have: Shape, outcome: Outcome) -> bool:
    if have.kind not in TABLE_KINDS:
        outcome.refusals.append(f"{'.'.join(name)} is not a table. Hint: rename it.")
    return have.kind in TABLE_KINDS


def _evolve(cursor: Cursor, subjects: Sequence[Subject], outcome: Outcome) -> Iterator[str]:
    """Run all steps. A table with refused columns gets no constraints, to report only the cause."""
    changed = set(_printed(cursor, [e for e in subjects if e.key_changes]))
    for subject in subjects:
        yield from drop_foreign_keys(subject, changed)
    for subject in subjects:
        yield from drop_others(subject)
    sound = []
    for subject in subjects:
        before = len(outcome.refusals)
        yield from change_columns(subject)
        if len(outcome.refusals) == before:
            sound.append(subject)
    for subject in sound:
        yield from add_constraints(subject, foreign=False)
    if outcome.refusals:
        return
    for subject in sound:
        yield from add_constraints(subject, foreign=True)
    for subject in sound:
        yield from add_indexes(subject)


def _printed(cursor: Cursor, subjects: Sequence[Subject]) -> Iterator[str]:
    """The tables' names as PostgreSQL prints them in definitions."""
    for subject in subjects:
        cursor.execute("SELECT format('%%I.%%I', %s, %s)", (subject.schema, subject.table))
        yield one_row(cursor)[0]


def _detach(cursor: Cursor, name: tuple[str, str], shape: Shape, outcome: Outcome) -> Iterator[str]:
    """Drop the foreign keys of a table that is no longer declared. Its rows stay, and the doctor reports it."""
    convention = Convention(name[1], shape.columns)
    for constraint, definition in shape.constraints.items():
        if definition.startswith("FOREIGN KEY") and convention.is_constraint(constraint):
            statement = Sql("ALTER TABLE {} DROP CONSTRAINT {}").format(
                Sql(".").join(map(ident, name)), ident(constraint)
            )
            if outcome.done(cursor, f"{'.'.join(name)}: {constraint} cannot be dropped", statement):
                yield f"dropped constraint {name[0]}.{constraint}"


_COMMENTS = """
    SELECT coalesce(attname, ''), description FROM pg_description
    LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0
    WHERE classoid = 'pg_class'::regclass AND objoid = %s::regclass
"""


def _complete(cursor: Cursor, table: Table) -> None:
    """Set comments and grants. Existing comments are not set again, because that would wait for the upkeep's locks."""
    cursor.execute(_COMMENTS, (ddl.qualified(table),))
    have = dict(cursor.fetchall())
    if not ddl.descriptions(table).items() <= have.items():
        for statement in ddl.comments(table):
            cursor.execute(statement)
    for role, privilege in table_grants():
        cursor.execute(Sql("GRANT {} ON {} TO {}").format(privilege, ddl.qualified(table), ident(role)))
