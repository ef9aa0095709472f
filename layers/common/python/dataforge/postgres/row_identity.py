"""SQL that identifies rows: by the key, or in a table without a key by all columns and the number of the copy.

Conditions on many columns that treat NULL as equal to NULL can use neither an index nor a hash join. Rows without a key are
therefore found by a 64-bit hash first. The hash follows PostgreSQL's equality of each type, as the condition does.
"""

from __future__ import annotations

from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Table

ROW_KEY_SEEDS = (0, 1)
"""The seeds of the hashes that make the rows of a distinct table without a primary key unique."""


def row_hash(table: Table, alias: str = "", *, seed: int = 0) -> Sql:
    """The SQL expression of a hash of the whole row: equal for rows that PostgreSQL holds identical."""
    return Sql("hash_record_extended({}, {})").format(row_sql(table, alias), seed)


def key_hash(table: Table, alias: str) -> Sql:
    """The SQL expression of a hash of what identifies a row: equal for rows with the same key, or identical ones."""
    return Sql("hash_record_extended(ROW({}), 0)").format(columns_of(alias, table.identity))


def row_sql(table: Table, alias: str = "") -> Sql:
    """The SQL expression of the whole row."""
    return Sql("ROW({})").format(columns_of(alias, table.column_names))


def columns_of(alias: str, names: tuple[str, ...]) -> Sql:
    """The columns of an alias, separated by commas."""
    prefix = Sql("{}.").format(ident(alias)) if alias else Sql("")
    return Sql(", ").join(prefix + ident(name) for name in names)


def same_row(table: Table, a: str, b: str) -> Sql:
    """The SQL condition that the rows of the aliases ``a`` and ``b`` are identical; NULL equals NULL."""
    return Sql("{} IS NOT DISTINCT FROM {}").format(row_sql(table, a), row_sql(table, b))


def same_key(table: Table, a: str, b: str) -> Sql:
    """The SQL condition that the rows of the aliases ``a`` and ``b`` have the same key, or without a key are identical."""
    if not table.key:
        return Sql("{} = {} AND {}").format(row_hash(table, a), row_hash(table, b), same_row(table, a, b))
    equal = Sql("{a}.{name} = {b}.{name}")
    return Sql(" AND ").join(equal.format(a=ident(a), b=ident(b), name=ident(c)) for c in table.key)


def on_key(table: Table) -> Sql:
    """The target of ON CONFLICT: the columns of the key, or the hashes that make whole rows unique."""
    if table.key:
        return columns_of("", table.key)
    return Sql(", ").join(Sql("({})").format(row_hash(table, seed=seed)) for seed in ROW_KEY_SEEDS)


def numbered_copies(table: Table, relation: Sql, order: Sql) -> Sql:
    """The query of a relation's rows with ``_copy``, which numbers identical rows from 1 in this order."""
    return Sql("SELECT r.*, row_number() OVER (PARTITION BY {}, {} ORDER BY {}) AS _copy FROM {} r").format(
        row_hash(table, "r"), columns_of("r", table.column_names), order, relation
    )


def counted_copies(table: Table, relation: Sql, like: Sql) -> Sql:
    """The query of a relation's distinct rows with their number, ``_copies``, as far as ``like`` may have these rows."""
    return Sql(
        "SELECT {columns}, count(*) AS _copies FROM {relation} r"
        " WHERE {hash} IN (SELECT {like_hash} FROM {like} k) GROUP BY {hash}, {columns}"
    ).format(
        columns=columns_of("r", table.column_names),
        relation=relation,
        hash=row_hash(table, "r"),
        like_hash=row_hash(table, "k"),
        like=like,
    )
