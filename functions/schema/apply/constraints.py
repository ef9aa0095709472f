"""Drop and add keys, checks, foreign keys and indexes of a table.

Declared ones are changed to their declaration. Others with Data Forge's names are dropped; those of an owner stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.postgres.sql import Sql, ident
from functions.schema.apply.subject import Subject
from functions.schema.difference import NOT_VALID


def drop_foreign_keys(it: Subject, changed: set[str]) -> Iterator[str]:
    """Drop Data Forge's foreign keys that differ from their declaration, or refer to a table in ``changed``."""
    for name, definition in it.have.constraints.items():
        if not definition.startswith("FOREIGN KEY"):
            continue
        leads_there = any(f" REFERENCES {parent}(" in definition for parent in changed)
        if _is_outdated(it, name, definition) or (name in it.want.constraints and (leads_there or it.remade)):
            yield from _drop_constraint(it, name)


def drop_others(it: Subject) -> Iterator[str]:
    """Drop Data Forge's keys, checks and indexes that differ from their declaration."""
    for name, definition in it.have.constraints.items():
        if definition.startswith("FOREIGN KEY"):
            continue
        ours = it.convention.is_constraint(name)
        if not (_is_outdated(it, name, definition) or (it.remade and ours) or name in it.rechecked):
            continue
        if definition.startswith("PRIMARY KEY") and it.size.large:
            it.refusals.append(
                f"{it.name}: its key changes; indexing its {it.size.rows} rows would block the table. Hint: "
                "declare the old key again, and move the rows to a table of another name."
            )
        else:
            yield from _drop_constraint(it, name)
    for name in it.have.indexes:
        if _is_dropped(it, name) and it.done(
            f"index {name} cannot be dropped", Sql("DROP INDEX {}.{}").format(ident(it.schema), ident(name))
        ):
            it.dropped.add(name)
            if name not in it.want.indexes:
                yield f"dropped index {it.schema}.{name}"


def _is_dropped(it: Subject, index: str) -> bool:
    wanted = it.want.indexes.get(index)
    if wanted is None:
        return it.convention.is_index(index, it.have.constraints)
    return bool(it.remade) or (it.have.indexes[index] != wanted and not _is_for_later(it, index))


def _is_outdated(it: Subject, name: str, definition: str) -> bool:
    wanted = it.want.constraints.get(name)
    if wanted is None:
        return it.closed and it.convention.is_constraint(name)
    return definition not in (wanted, wanted + NOT_VALID)


def _is_for_later(it: Subject, index: str) -> bool:
    """Whether the upkeep builds the index: until then it is invalid."""
    return it.size.large and it.have.indexes[index].removesuffix(" INVALID") == it.want.indexes[index]


def _drop_constraint(it: Subject, name: str) -> Iterator[str]:
    statement = Sql("ALTER TABLE {} DROP CONSTRAINT {}").format(it.relation, ident(name))
    if it.done(f"constraint {name} cannot be changed", statement):
        it.dropped.add(name)
        if name not in it.want.constraints:
            yield f"dropped constraint {it.schema}.{name}"


def add_constraints(it: Subject, *, foreign: bool) -> Iterator[str]:
    """Add the declared constraints; those of a large table are validated by the upkeep."""
    for name, definition in it.want.constraints.items():
        if definition.startswith("FOREIGN KEY") != foreign:
            continue
        found = None if name in it.dropped else it.have.constraints.get(name)
        if found is None:
            yield from _add_constraint(it, name, definition)
        elif found == definition + NOT_VALID:
            if it.size.large:
                it.queue("validate", name)
            elif it.done(
                f"constraint {name} is violated by rows",
                Sql("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(it.relation, ident(name)),
            ):
                yield f"validated constraint {it.schema}.{name}"


def _add_constraint(it: Subject, name: str, definition: Sql) -> Iterator[str]:
    key = definition.startswith("PRIMARY KEY")
    if key and it.size.large:
        if name not in it.have.constraints:
            it.refusals.append(
                f"{it.name} lacks its key {name}; indexing its {it.size.rows} rows would block the table. "
                f"Hint: run CREATE UNIQUE INDEX CONCURRENTLY, then ALTER TABLE {it.relation} ADD CONSTRAINT {ident(name)} "
                "PRIMARY KEY USING INDEX, then deploy."
            )
        return
    later = it.size.large and not key
    statement = Sql("ALTER TABLE {} ADD CONSTRAINT {} {}{}").format(
        it.relation, ident(name), definition, NOT_VALID if later else Sql("")
    )
    if it.done(f"constraint {name} cannot be changed", statement):
        if later:
            it.queue("validate", name)
        yield f"{'changed' if name in it.dropped else 'added'} constraint {it.schema}.{name}"


def add_indexes(it: Subject) -> Iterator[str]:
    """Add the declared indexes; the upkeep builds those of a large table."""
    for name, definition in it.want.indexes.items():
        if name not in it.dropped and it.have.indexes.get(name) == definition:
            continue
        if it.size.large:
            it.queue("index", name)
        elif it.done(f"index {name} cannot be changed", definition):
            yield f"{'changed' if name in it.dropped else 'added'} index {it.schema}.{name}"
