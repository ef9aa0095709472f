"""Bring one table to its wanted shape: additive changes only; what would lose data, or what rows contradict, is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg2
import psycopg2.errors

from dataforge.ddl import ident
from dataforge.shadow import attempt
from functions.schema.difference import ColumnState, Shape


class Evolution:
    """One table on its way from what it is to what it is to be; ``refusals`` collects what cannot be."""

    def __init__(
        self, cursor: Any, name: tuple[str, str], have: Shape, want: Shape, refusals: list[str]
    ) -> None:
        self.cursor, self.have, self.want, self.refusals = cursor, have, want, refusals
        self.schema, self.name = name[0], ".".join(name)
        self.relation = ".".join(map(ident, name))

    def columns(self, *, closed: bool) -> Iterator[str]:
        """Add columns and mend NOT NULL; yields what was done. ``closed``: there may be no others, in no other order."""
        have, want = self.have.columns, self.want.columns
        if closed:
            self._refuse_strangers()
        self.cursor.execute(f"SELECT EXISTS (SELECT FROM {self.relation})")
        (filled,) = self.cursor.fetchone()
        for column, wanted in want.items():
            found, name = have.get(column), f"{self.name}.{column}"
            if found is None and filled and wanted.not_null and not wanted.default:
                self.refusals.append(f"{name} is new and NOT NULL, but the table has rows; make it nullable.")
            elif found is None:
                yield self._add_column(column, wanted)
            elif found.type != wanted.type:
                self.refusals.append(
                    f"{name} is {found.type}, the catalogue says {wanted.type}; converting may lose data. "
                    "Add a new column instead."
                )
            else:
                if found.not_null != wanted.not_null:
                    yield from self._set_null(column, wanted)
                if not closed and found.default != wanted.default:
                    yield from self._set_default(column, found, wanted)

    def _refuse_strangers(self) -> None:
        have, want = self.have.columns, self.want.columns
        self.refusals += [
            f"{self.name} has a column {unknown} that the catalogue lacks; dropping it would lose data. "
            "Declare it again, or drop it by hand."
            for unknown in have
            if unknown not in want
        ]
        order = [c for c in have if c in want] + [c for c in want if c not in have]
        if order != list(want):
            self.refusals.append(
                f"{self.name}: add new columns after {list(have)[-1]}, the last one; PostgreSQL cannot reorder."
                if have
                else f"{self.name} has no columns."
            )

    def _add_column(self, column: str, wanted: ColumnState) -> str:
        clauses = f"{wanted.type} {wanted.default}{' NOT NULL' if wanted.not_null else ''}"
        self.cursor.execute(f"ALTER TABLE {self.relation} ADD COLUMN {ident(column)} {clauses}")
        return f"added {self.name}.{column}"

    def _set_null(self, column: str, wanted: ColumnState) -> Iterator[str]:
        action, name = "SET" if wanted.not_null else "DROP", f"{self.name}.{column}"
        self.cursor.execute(f"SELECT count(*) FROM {self.relation} WHERE {ident(column)} IS NULL")
        (nulls,) = self.cursor.fetchone()
        if wanted.not_null and nulls:
            self.refusals.append(f"{name} is to be NOT NULL, but {nulls} row(s) are NULL.")
            return
        self.cursor.execute(f"ALTER TABLE {self.relation} ALTER COLUMN {ident(column)} {action} NOT NULL")
        yield f"{action.lower()} not null on {name}"

    def _set_default(self, column: str, found: ColumnState, wanted: ColumnState) -> Iterator[str]:
        if "IDENTITY" in found.default + wanted.default:
            self.refusals.append(
                f"{self.name}.{column} has {found.default or 'no default'}, not {wanted.default or 'none'}; mend it by hand."
            )
            return
        action = f"SET {wanted.default}" if wanted.default else "DROP DEFAULT"
        self.cursor.execute(f"ALTER TABLE {self.relation} ALTER COLUMN {ident(column)} {action}")
        yield f"changed the default of {self.name}.{column}"

    def constraints(self) -> Iterator[str]:
        """Constraints of the wanted names are made what is wanted; others are somebody's own and stay."""
        for name, definition in self.want.constraints.items():
            found = self.have.constraints.get(name)
            if found == definition:
                continue
            statements = [f"ALTER TABLE {self.relation} ADD CONSTRAINT {ident(name)} {definition}"]
            if found is not None:
                statements.insert(0, f"ALTER TABLE {self.relation} DROP CONSTRAINT {ident(name)}")
            if self._done(f"constraint {name}", statements):
                yield f"{'added' if found is None else 'changed'} constraint {self.schema}.{name}"

    def indexes(self) -> Iterator[str]:
        """Indexes of the wanted names are made what is wanted."""
        for name, definition in self.want.indexes.items():
            found = self.have.indexes.get(name)
            if found == definition:
                continue
            statements = [definition]
            if found is not None:
                statements.insert(0, f"DROP INDEX {ident(self.schema)}.{ident(name)}")
            if self._done(f"index {name}", statements):
                yield f"{'added' if found is None else 'changed'} index {self.schema}.{name}"

    def _done(self, what: str, statements: list[str]) -> bool:
        expected = (
            psycopg2.IntegrityError,
            psycopg2.errors.DependentObjectsStillExist,
            psycopg2.errors.DuplicateTable,
            psycopg2.errors.DuplicateObject,
        )
        with attempt(self.cursor, *expected) as failed:
            for statement in statements:
                self.cursor.execute(statement)
        for error in failed:
            reason = (isinstance(error, psycopg2.Error) and error.diag.message_primary) or "it is in use"
            self.refusals.append(f"{self.name}: {what} cannot be changed: {reason}.")
        return not failed
