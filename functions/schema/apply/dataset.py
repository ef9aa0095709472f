"""Compute the statements that change a dataset's tables to what the catalogue declares, and execute them.

Each step handles all tables before the next step. If a parent's key changes, the foreign keys of its children are dropped
first and recreated at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dataforge.postgres import ddl, identity
from dataforge.postgres.roles import GENERATE, OWNER, READERS, table_grants
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Dataset, Table
from functions.schema.apply.columns import change_columns
from functions.schema.apply.constraints import add_constraints, add_indexes, drop_foreign_keys, drop_others
from functions.schema.apply.created import read_created
from functions.schema.apply.renames import Renames, find_renames, former_constraints
from functions.schema.apply.statement import Lock, Statement, Step, run
from functions.schema.apply.subject import Declared, Former, Outcome, Subject
from functions.schema.difference import Shape, expected_dataset, shapes
from functions.schema.names import Convention
from functions.schema.size import Size

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


TABLE_KINDS = ("r", "p")


def apply_dataset(cursor: Cursor, dataset: Dataset, outcome: Outcome) -> Iterator[str]:
    """Create the schema and missing tables, change existing ones. Yields a description of each change."""
    first = len(outcome.statements)
    plan_dataset(cursor, dataset, outcome)
    yield from run(cursor, outcome.statements[first:], outcome.refusals)


def plan_dataset(cursor: Cursor, dataset: Dataset, outcome: Outcome, scratch: Cursor | None = None) -> None:
    """Compute the statements, refusals and later changes of a dataset.

    ``cursor`` only reads. ``scratch`` creates the declared tables in the scratch schema; default: ``cursor``.
    """
    writer = scratch or cursor
    before, want = shapes(cursor, dataset.name), expected_dataset(writer, dataset)
    _plan_schema(cursor, dataset.name, outcome)
    renames = find_renames(cursor, dataset, before, outcome.refusals)
    former = renames.apply(cursor, before, want, outcome, writer)
    tables = [dataset.table(name) for wave in dataset.waves() for name in wave]
    subjects: list[Subject] = []
    for table in tables:
        have = former.get(table.name)
        if have is None:
            _plan_creation(table, outcome)
        elif not _is_table((dataset.name, table.name), have, outcome):
            continue
        present = before.get(renames.tables.get(table.name, table.name))
        created = former_constraints(cursor, renames, table.name, present)
        subjects.append(_subject(cursor, table, have, want[table.name], outcome, renames, frozenset(created)))
    for undeclared in undeclared_tables(former, want):
        _detach(cursor, (dataset.name, undeclared), former[undeclared], outcome)
        if undeclared in dataset.removed:
            _plan_removal(cursor, dataset.name, undeclared, outcome)
    refused = len(outcome.refusals)
    _evolve(cursor, subjects, outcome)
    if len(outcome.refusals) == refused:
        for table in tables:
            _complete(cursor, table, renames, outcome)


def _subject(
    cursor: Cursor,
    table: Table,
    have: Shape | None,
    want: Shape,
    outcome: Outcome,
    renames: Renames,
    created: frozenset[str],
) -> Subject:
    declared = Declared(
        closed=True,
        evolution=table.evolution,
        defaults=ddl.default_values(table),
        created=created | read_created(cursor, table.dataset, table.name),
    )
    return Subject(
        cursor,
        (table.dataset, table.name),
        have or replace(want, constraints={}, indexes={}),
        want,
        outcome,
        declared,
        Former(renames.tables.get(table.name, table.name), renames.of(table.name)),
        exists=have is not None,
    )


def _plan_schema(cursor: Cursor, name: str, outcome: Outcome) -> None:
    """Create the schema, and allow the roles that read its tables to use it."""
    cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", (name,))
    exists = cursor.fetchone() is not None
    cursor.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%(roles)s) AND NOT (%(exists)s AND EXISTS ("
        "SELECT FROM pg_namespace, aclexplode(nspacl) WHERE nspname = %(name)s AND grantee = pg_roles.oid"
        " AND privilege_type = 'USAGE')) ORDER BY 1",
        {"roles": list(READERS), "name": name, "exists": exists},
    )
    roles = [ident(role) for (role,) in cursor.fetchall()]
    create = Sql("CREATE SCHEMA {}").format(ident(name))
    grant = Sql("GRANT USAGE ON SCHEMA {} TO {}").format(ident(name), Sql(", ").join(roles))
    for needed, sql in ((not exists, create), (bool(roles), grant)):
        if needed:
            outcome.statements.append(
                Statement(Step.CREATE, name, sql, f"{name} cannot be created", lock=Lock.NOTHING)
            )


def _plan_creation(table: Table, outcome: Outcome) -> None:
    name = f"{table.dataset}.{table.name}"
    outcome.statements.append(
        Statement(
            Step.CREATE,
            name,
            ddl.create_table(table),
            f"{name} cannot be created",
            f"created {name}",
            lock=Lock.NOTHING,
        )
    )


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
        first = len(outcome.statements)
        _evolve(cursor, [Subject(cursor, name, have, want, outcome, Declared(closed=False))], outcome)
        yield from run(cursor, outcome.statements[first:], outcome.refusals)


def _is_table(name: tuple[str, str], have: Shape, outcome: Outcome) -> bool:
    if have.kind not in TABLE_KINDS:
        outcome.refusals.append(f"{'.'.join(name)} is not a table. Hint: rename it.")
    return have.kind in TABLE_KINDS


def _evolve(cursor: Cursor, subjects: Sequence[Subject], outcome: Outcome) -> None:
    """Compute all steps. A table with refused columns gets no constraints, to report only the cause."""
    changed = set(_printed(cursor, [e for e in subjects if e.key_changes]))
    for subject in subjects:
        drop_foreign_keys(subject, changed)
    for subject in subjects:
        drop_others(subject)
    sound = []
    for subject in subjects:
        before = len(outcome.refusals)
        change_columns(subject)
        if len(outcome.refusals) == before:
            sound.append(subject)
    for subject in sound:
        add_constraints(subject, foreign=False)
    if outcome.refusals:
        return
    for subject in sound:
        add_constraints(subject, foreign=True)
    for subject in sound:
        add_indexes(subject)


def _printed(cursor: Cursor, subjects: Sequence[Subject]) -> Iterator[str]:
    """The tables' names as PostgreSQL prints them in definitions."""
    for subject in subjects:
        cursor.execute("SELECT format('%%I.%%I', %s, %s)", (subject.schema, subject.table))
        yield one_row(cursor)[0]


def _detach(cursor: Cursor, name: tuple[str, str], shape: Shape, outcome: Outcome) -> None:
    """Drop the foreign keys of a table that is no longer declared. Its rows stay, and the doctor reports it."""
    convention = Convention(name[1], shape.columns, read_created(cursor, *name))
    for constraint, definition in shape.constraints.items():
        if definition.startswith("FOREIGN KEY") and convention.is_constraint(constraint):
            outcome.dropped.add(constraint)
            outcome.statements.append(
                Statement(
                    Step.DETACH,
                    ".".join(name),
                    Sql("ALTER TABLE {} DROP CONSTRAINT {}").format(
                        Sql(".").join(map(ident, name)), ident(constraint)
                    ),
                    f"{'.'.join(name)}: {constraint} cannot be dropped",
                    f"dropped constraint {name[0]}.{constraint}",
                    constraint,
                )
            )


def _plan_removal(cursor: Cursor, schema: str, table: str, outcome: Outcome) -> None:
    """Drop a table that the dataset declares as removed. Objects that depend on it refuse it."""
    relation = Sql("{}.{}").format(ident(schema), ident(table))
    size = Size.of(cursor, relation)
    name = f"{schema}.{table}"
    outcome.statements.append(
        Statement(
            Step.DROP,
            name,
            Sql("DROP TABLE {}").format(relation),
            f"{name} cannot be dropped",
            f"dropped {name}",
            rows=size.rows,
            size=size.bytes,
        )
    )


_GENERATES = """
    SELECT bool_and(has_sequence_privilege(role, pg_get_serial_sequence(%s, %s), 'USAGE')
                    AND has_sequence_privilege(role, pg_get_serial_sequence(%s, %s), 'UPDATE'))
    FROM unnest(%s::text[]) role WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s)
"""


def _may_generate(cursor: Cursor, table: Table) -> bool:
    place = (ddl.qualified(table), table.identity_column)
    cursor.execute(_GENERATES, (*place, *place, list(GENERATE), *place))
    return cursor.fetchone() == (True,)


_COMMENTS = """
    SELECT coalesce(attname, ''), description FROM pg_description
    LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0
    WHERE classoid = 'pg_class'::regclass AND objoid = to_regclass(%s)
"""
_GRANTS = "SELECT grantee::regrole::text, privilege_type FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass(%s)"


def _complete(cursor: Cursor, table: Table, renames: Renames, outcome: Outcome) -> None:
    """Set missing comments and grants. Setting them again would wait for the locks of the upkeep."""
    present = replace(table, name=renames.tables.get(table.name, table.name))
    cursor.execute(_COMMENTS, (ddl.qualified(present),))
    names = {old: new for new, old in renames.of(table.name).items()}
    comments = {names.get(column, column): text for column, text in cursor.fetchall()}
    cursor.execute(_GRANTS, (ddl.qualified(present),))
    granted = set(cursor.fetchall())
    statements = [] if ddl.descriptions(table).items() <= comments.items() else list(ddl.comments(table))
    statements += [
        Sql("GRANT {} ON {} TO {}").format(privilege, ddl.qualified(table), ident(role))
        for role, privilege in sorted(table_grants())
        if (role, privilege) not in granted
    ]
    if table.identity_column is not None and not _may_generate(cursor, present):
        statements.append(identity.grant(table))
    name = f"{table.dataset}.{table.name}"
    outcome.statements += [
        Statement(Step.COMPLETE, name, sql, f"{name} cannot be completed", lock=Lock.NOTHING)
        for sql in statements
    ]
