"""The peer of a migration into filled tables: ``\\copy`` into temporary tables and INSERT … ON CONFLICT, in two sessions."""

from __future__ import annotations

from pathlib import Path

from bench.migration.sessions import run_at_once
from bench.processors import Cost, cost_of
from bench.server import Server
from dataforge.postgres import ddl
from dataforge.postgres.row_identity import on_key
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import get_dataset

SESSIONS = (
    ("category_translations", "geolocations"),
    ("products", "sellers", "customers", "orders", "order_items", "order_payments", "order_reviews"),
)
"""The tables of each session. No foreign key leads from one session's tables to the other's."""


def merge_by_hand(server: Server, database: str, folder: Path, *, update: bool) -> Cost:
    """Merge the folder's files into the database, one transaction for each table, both sessions at once."""
    scripts = ["\n".join(_script(folder, name, update=update) for name in tables) for tables in SESSIONS]
    return cost_of(server, lambda: run_at_once(server, database, scripts))


def _script(folder: Path, name: str, *, update: bool) -> str:
    table = get_dataset("olist").table(name)
    columns, live = ddl.columns_sql(table), ddl.qualified(table)
    return "\n".join(
        [
            f"BEGIN; CREATE TEMPORARY TABLE loaded (LIKE {live}) ON COMMIT DROP;",
            f"\\copy loaded ({columns}) from '{folder / str(table.file)}' with (format csv, header)",
            Sql("INSERT INTO {} AS l ({}) SELECT {} FROM loaded ON CONFLICT ({}) {}; COMMIT;").format(
                live, columns, columns, on_key(table), _action(table, update=update)
            ),
        ]
    )


def _action(table: Table, *, update: bool) -> Sql:
    others = [ident(name) for name in table.column_names if name not in table.key]
    if not update or not table.key or not others:
        return Sql("DO NOTHING")
    new = [Sql("excluded.{}").format(name) for name in others]
    return Sql("DO UPDATE SET {} WHERE ({}) IS DISTINCT FROM ({})").format(
        Sql(", ").join(Sql("{} = {}").format(name, value) for name, value in zip(others, new, strict=True)),
        Sql(", ").join(Sql("l.{}").format(name) for name in others),
        Sql(", ").join(new),
    )
