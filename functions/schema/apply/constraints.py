"""Compute which keys, checks, foreign keys and indexes of a table are dropped and added.

Declared ones are changed to their declaration. Others that Data Forge created are dropped; those of an owner stay.
"""

from __future__ import annotations

import re

from dataforge.postgres.sql import Sql, ident
from functions.schema.apply.statement import Lock, Step, Work
from functions.schema.apply.subject import Subject
from functions.schema.apply.violations import count_violations
from functions.schema.difference import NOT_VALID

_PARENT = re.compile(r" REFERENCES (.+?)\(")


def drop_foreign_keys(it: Subject, changed: set[str]) -> None:
    """Drop Data Forge's foreign keys that differ from their declaration, or refer to a table in ``changed``."""
    for name, definition in it.have.constraints.items():
        if not definition.startswith("FOREIGN KEY"):
            continue
        leads_there = any(f" REFERENCES {parent}(" in definition for parent in changed)
        if _is_outdated(it, name, definition) or (name in it.want.constraints and (leads_there or it.remade)):
            _drop_constraint(it, Step.DETACH, name)


def drop_others(it: Subject) -> None:
    """Drop Data Forge's keys, checks and indexes that differ from their declaration."""
    for name, definition in it.have.constraints.items():
        if definition.startswith("FOREIGN KEY"):
            continue
        ours = it.convention.is_constraint(name)
        if not (_is_outdated(it, name, definition) or (it.remade and ours) or name in it.rechecked):
            continue
        keyed = definition.startswith(("PRIMARY KEY", "UNIQUE")) and name in it.want.constraints
        if keyed and it.size.large:
            it.refusals.append(
                f"{it.name}: its key changes; indexing its {it.size.rows} rows would block the table. Hint: "
                "declare the old key again, and move the rows to a table of another name."
            )
        else:
            _drop_constraint(it, Step.DROP, name)
    for name in it.have.indexes:
        if _is_dropped(it, name):
            it.dropped.add(name)
            it.outcome.dropped.add(name)
            it.add(
                Step.DROP,
                f"index {name} cannot be dropped",
                Sql("DROP INDEX {}.{}").format(ident(it.schema), ident(name)),
                change="" if name in it.want.indexes else f"dropped index {it.schema}.{name}",
                subject=name,
            )


def _is_dropped(it: Subject, index: str) -> bool:
    wanted = it.want.indexes.get(index)
    if wanted is None:
        return it.closed and it.convention.is_index(index, it.have.constraints)
    return bool(it.remade) or (it.have.indexes[index] != wanted and not _is_for_later(it, index))


def _is_outdated(it: Subject, name: str, definition: str) -> bool:
    wanted = it.want.constraints.get(name)
    if wanted is None:
        return it.closed and it.convention.is_constraint(name)
    return definition not in (wanted, wanted + NOT_VALID)


def _is_for_later(it: Subject, index: str) -> bool:
    """Whether the upkeep builds the index: until then it is invalid."""
    return it.size.large and it.have.indexes[index].removesuffix(" INVALID") == it.want.indexes[index]


def _drop_constraint(it: Subject, step: Step, name: str) -> None:
    it.dropped.add(name)
    it.outcome.dropped.add(name)
    it.add(
        step,
        f"constraint {name} cannot be changed",
        Sql("ALTER TABLE {} DROP CONSTRAINT {}").format(it.relation, ident(name)),
        change="" if name in it.want.constraints else f"dropped constraint {it.schema}.{name}",
        subject=name,
        parents=_parents(it.have.constraints[name]),
    )


def _parents(definition: str) -> tuple[str, ...]:
    """The table that a foreign key refers to, which its statements lock too."""
    match = _PARENT.search(definition) if definition.startswith("FOREIGN KEY") else None
    return (match[1].replace('"', ""),) if match else ()


def add_constraints(it: Subject, *, foreign: bool) -> None:
    """Add the declared constraints; those of a large table are validated by the upkeep."""
    for name, definition in it.want.constraints.items():
        if definition.startswith("FOREIGN KEY") != foreign:
            continue
        found = None if name in it.dropped else it.have.constraints.get(name)
        if found is None:
            _add_constraint(it, name, definition)
        elif found == definition + NOT_VALID:
            _validate(it, name, definition)


def _validate(it: Subject, name: str, definition: Sql) -> None:
    if it.size.large:
        it.queue("validate", name)
    elif not _is_violated(it, name, definition):
        it.add(
            _step(definition),
            f"constraint {name} is violated by rows",
            Sql("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(it.relation, ident(name)),
            change=f"validated constraint {it.schema}.{name}",
            subject=name,
            lock=Lock.NOTHING,
            work=Work.SCAN,
        )


def _add_constraint(it: Subject, name: str, definition: Sql) -> None:
    index = definition.startswith(("PRIMARY KEY", "UNIQUE"))
    if index and it.size.large:
        if name not in it.have.constraints:
            it.refusals.append(
                f"{it.name} lacks its key {name}; indexing its {it.size.rows} rows would block the table. "
                f"Hint: run CREATE UNIQUE INDEX CONCURRENTLY, then ALTER TABLE {it.relation} ADD CONSTRAINT {ident(name)} "
                f"{definition.partition(' (')[0]} USING INDEX, then deploy."
            )
        return
    if not it.size.large and _is_violated(it, name, definition):
        return
    statement = Sql("ALTER TABLE {} ADD CONSTRAINT {} {}{}").format(
        it.relation, ident(name), definition, NOT_VALID if it.size.large else Sql("")
    )
    if it.size.large:
        it.queue("validate", name)
    it.add(
        _step(definition),
        f"constraint {name} cannot be changed",
        statement,
        change=f"{'changed' if name in it.dropped else 'added'} constraint {it.schema}.{name}",
        subject=name,
        lock=Lock.WRITES if definition.startswith("FOREIGN KEY") else Lock.ALL,
        work=Work.INDEX if index else Work.NONE if it.size.large else Work.SCAN,
        parents=_parents(definition),
    )


def _is_violated(it: Subject, name: str, definition: Sql) -> bool:
    """Whether rows violate a constraint, which is refused with their number."""
    if it.size.empty:
        return False
    rows = count_violations(it.cursor, it.actual, it.outcome.former.get((it.table, name), definition))
    if rows:
        it.refusals.append(
            f"{it.name}: constraint {name} cannot be changed: {rows} row(s) violate it. "
            "Hint: correct them, or declare a constraint that they satisfy."
        )
    return rows > 0


def _step(definition: str) -> Step:
    return Step.FOREIGN_KEYS if definition.startswith("FOREIGN KEY") else Step.CONSTRAINTS


def add_indexes(it: Subject) -> None:
    """Add the declared indexes; the upkeep builds those of a large table."""
    for name, definition in it.want.indexes.items():
        if name not in it.dropped and it.have.indexes.get(name) == definition:
            continue
        if it.size.large:
            it.queue("index", name)
            continue
        it.add(
            Step.INDEXES,
            f"index {name} cannot be changed",
            definition,
            change=f"{'changed' if name in it.dropped else 'added'} index {it.schema}.{name}",
            subject=name,
            lock=Lock.WRITES,
            work=Work.INDEX,
        )
