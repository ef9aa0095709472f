"""The peers of a migration into empty tables: psql's ``\\copy``, in one session and in two at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psycopg2

from bench.migration.by_hand import SESSIONS
from bench.migration.sessions import run_at_once
from bench.processors import Cost, cost_of
from bench.server import Server
from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import get_dataset

Stages = Sequence[Sequence[Sequence[str]]]
"""Stages, one after another: of each, the tables of sessions that work at the same time."""

DATABASE = "peer"

TABLES = tuple(name for wave in get_dataset("olist").waves() for name in wave)

ONE_SESSION: Stages = ((TABLES,),)

TWO_SESSIONS: dict[str, Stages] = {
    "geolocations beside the others": (SESSIONS,),
    "items and reviews last": (
        (
            ("customers", "orders", "order_payments"),
            ("products", "sellers", "category_translations", "geolocations"),
        ),
        (("order_items",), ("order_reviews",)),
    ),
    "orders first": (
        (("customers", "orders"), ("products", "sellers", "category_translations")),
        (("order_items", "order_reviews"), ("geolocations", "order_payments")),
    ),
}
"""Arrangements in which every parent is loaded before its children."""

_MEMORY = "SET maintenance_work_mem = '128MB'; SET work_mem = '32MB';"
"""The memory that the run uses for the same work."""


def copy_constrained(server: Server, folder: Path, stages: Stages) -> Cost:
    """``\\copy`` into tables with keys, foreign keys, checks and indexes.

    Geolocations have no key here: their duplicates would stop the copy.
    """
    _make(server, constrained=True)
    return cost_of(server, lambda: _copy(server, folder, stages))


def copy_unlogged(server: Server, folder: Path, stages: Stages) -> Cost:
    """``copy_constrained`` into tables that are unlogged until they are full."""
    _make(server, constrained=True)

    def copy() -> None:
        run_at_once(server, DATABASE, ["\n".join(map(_unlogged, reversed(TABLES)))])
        _copy(server, folder, stages)
        for stage in stages:
            run_at_once(server, DATABASE, ["\n".join(map(_logged, tables)) for tables in stage])

    return cost_of(server, copy)


def copy_then_constrain(server: Server, folder: Path, stages: Stages) -> Cost:
    """``\\copy`` with FREEZE into new tables, whose constraints and indexes are added after: the limit."""
    _make(server, constrained=False)

    def copy() -> None:
        for stage in stages:
            run_at_once(server, DATABASE, ["\n".join(_created(folder, tables)) for tables in stage])
        for stage in stages:
            run_at_once(server, DATABASE, ["\n".join(_referring(tables)) for tables in stage])

    return cost_of(server, copy)


def make_bare(server: Server) -> None:
    """Create the database of the peers, with tables without constraints."""
    _make(server, constrained=False)
    _create(server)


def _make(server: Server, *, constrained: bool) -> None:
    with closing(psycopg2.connect(server.superuser_url("postgres"))) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute(Sql("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(ident(DATABASE)))
            cursor.execute(Sql("CREATE DATABASE {}").format(ident(DATABASE)))
            cursor.execute("CHECKPOINT")
    _execute(server, ["CREATE SCHEMA olist"])
    if constrained:
        _create(server)
        _execute(server, [line for t in map(_table, TABLES) for line in (*_own(t), *_references(t))])


def _create(server: Server) -> None:
    _execute(server, [ddl.create_table(table) for table in map(_table, TABLES)])


def _execute(server: Server, statements: Sequence[str]) -> None:
    with closing(psycopg2.connect(server.superuser_url(DATABASE))) as db, db, db.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _copy(server: Server, folder: Path, stages: Stages) -> None:
    for stage in stages:
        scripts = ["\n".join(_copy_line(folder, name) for name in tables) for tables in stage]
        run_at_once(server, DATABASE, scripts)


def _copy_line(folder: Path, name: str, options: str = "format csv, header") -> str:
    table = _table(name)
    columns = f"{ddl.qualified(table)} ({ddl.columns_sql(table)})"
    return f"\\copy {columns} from '{folder / str(table.file)}' with ({options})"


def _created(folder: Path, tables: Sequence[str]) -> Iterator[str]:
    """The lines that create and fill tables, without their foreign keys. New tables can be frozen."""
    yield _MEMORY
    for name in tables:
        yield f"BEGIN; {ddl.create_table(_table(name))};"
        yield _copy_line(folder, name, "format csv, header, freeze")
        yield from (f"{statement};" for statement in _own(_table(name)))
        yield "COMMIT;"


def _referring(tables: Sequence[str]) -> Iterator[str]:
    yield _MEMORY
    yield from (f"{statement};" for name in tables for statement in _references(_table(name)))


def _table(name: str) -> Table:
    return get_dataset("olist").table(name)


def _unlogged(name: str) -> str:
    return f"ALTER TABLE {ddl.qualified(_table(name))} SET UNLOGGED;"


def _logged(name: str) -> str:
    return f"ALTER TABLE {ddl.qualified(_table(name))} SET LOGGED;"


def _own(table: Table) -> Iterator[Sql]:
    """The statements that add keys, checks and indexes."""
    for name, definition in (*ddl.keys(table), *ddl.checks(table)):
        if name != "geolocations_pkey":
            yield ddl.add_constraint(table, name, definition)
    yield from (statement for _, statement in ddl.index_statements(table))


def _references(table: Table) -> Iterator[Sql]:
    """The statements that add foreign keys."""
    for name, definition in ddl.foreign_keys(table, table.dataset):
        yield ddl.add_constraint(table, name, definition)
