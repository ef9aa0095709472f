"""The exchange of tables for their shadows, with everything that the catalogue says of them; both ways of foreign keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER, REFILL
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey, Table
from functions.restore.references import parents
from functions.restore.run import SWAP, Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


def exchange(cursor: Cursor, run: Run) -> None:
    """Move the tables out, as they are, and the shadows in. All are locked, pristine, and their foreign keys checked.

    Foreign keys to and from other tables are made NOT VALID: reading all rows again is left to ``validate``.
    """
    for table in (table for table in run.tables if table.foreign_keys):
        _drop_keys(cursor, table, table.foreign_keys)
    for child, key in _references(run):
        _drop_keys(cursor, child, (key,))
    for table in run.tables:
        cursor.execute(
            Sql("ALTER TABLE {} SET SCHEMA {}").format(ddl.qualified(table), ident(run.kept_schema))
        )
        shadow.move_in(cursor, table, run.id, REFILL)
    for child, key in (*parents(run), *_references(run)):
        definition = ddl.foreign_key(key, run.dataset.name)
        cursor.execute(
            Sql("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID").format(
                ddl.qualified(child), ident(key.name), definition
            )
        )


def _references(run: Run) -> Iterator[tuple[Table, ForeignKey]]:
    """The catalogue's foreign keys from tables outside the restore; pristine tables have no others."""
    for table in run.tables:
        yield from ((c, key) for c, key in run.dataset.children(table.name) if not run.has(c.name))


def _drop_keys(cursor: Cursor, table: Table, keys: tuple[ForeignKey, ...]) -> None:
    drops = Sql(", ").join(Sql("DROP CONSTRAINT IF EXISTS {}").format(ident(key.name)) for key in keys)
    cursor.execute(Sql("ALTER TABLE {} {}").format(ddl.qualified(table), drops))


def validate(db: Connection, run: Run) -> None:
    """Tell PostgreSQL that the rows obey the foreign keys that an exchange made. Readers and writers go on meanwhile.

    Should it not come to that, new rows are checked all the same, and the doctor finds and mends it.
    """
    for child, key in (*parents(run), *_references(run)) if run.mode == SWAP else ():
        with transaction(db, role=OWNER) as cursor:
            cursor.execute(
                Sql("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(ddl.qualified(child), ident(key.name))
            )
