"""The one statement that stores a table's candidates and says what became of each.

Its cost follows the batch and never the tables' size or statistics: every look into a table is a scalar subquery, which
PostgreSQL can only answer through the key's index. Rows go in by the key's order, so concurrent batches cannot deadlock.
Answers hold the rows that were not simply inserted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dataforge.catalogue import ForeignKey, Table
from dataforge.ddl import columns_sql, ident, qualified


def array(values: Sequence[str | None]) -> str:
    """Texts as PostgreSQL's array literal."""
    if None not in values:
        inside = '","'.join(values)  # type: ignore[arg-type]
        if "\\" not in inside and inside.count('"') == 2 * (len(values) - 1):
            return f'{{"{inside}"}}'
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: str | None) -> str:
    if value is None:
        return "NULL"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@cache
def store_statement(table: Table, *, update: bool, rivals: bool) -> str:
    """The statement for one table; its parameters are one array per column.

    ``update``: a stored row with other values is overwritten; else it stays. ``rivals``: some candidates share a key.
    Answers (place from 1, state, one boolean per foreign key: its parent is missing). The state of a row that lacks no
    parent: with ``update``, false if a stored row was overwritten, true if it is identical, NULL if neither was seen; else
    whether the stored row is identical, NULL if there was none in the statement's snapshot.
    """
    lines = [f"WITH given AS ({_given(table)})"]
    source = "given"
    if rivals:
        order = _order(table)
        lines.append(
            f", first AS (SELECT DISTINCT ON ({order}) * FROM given{_whole(table)} ORDER BY {order}, _n)"
        )
        source = "first"
    lines += [
        f", done AS (INSERT INTO {qualified(table)} AS t ({columns_sql(table)})",
        f"SELECT {columns_sql(table)} FROM {source}{'' if rivals else _whole(table)} ORDER BY {_order(table)}",
        f"ON CONFLICT ({_keys(table)}) {_on_conflict(table, update)})",
    ]
    if rivals:
        lines.append(f", stored AS (SELECT done.*, first._n FROM done JOIN first USING ({_keys(table)}))")
    done, match = ("stored", "d._n = g._n") if rivals else ("done", _same_key(table, "d", "g"))
    state = _comparison(table)
    if _updates(table, update):
        state = f"coalesce(d._inserted, nullif({state}, false))"
    lines += [
        f"SELECT {', '.join(['g._n', state, *(f'g.{_orphan(k)}' for k in table.foreign_keys)])}",
        f"FROM given g LEFT JOIN {done} d ON {match} WHERE d._inserted IS NOT TRUE",
        # Asked first, and once: in the usual case all are inserted, and nothing is joined.
        "AND (SELECT count(*) FROM done WHERE _inserted) < (SELECT count(*) FROM given)",
    ]
    return "\n".join(lines)


@cache
def probe_statement(table: Table) -> str:
    """An UPDATE that is to be rolled back, with the parameters of ``store_statement``.

    Answers (place from 1, whether the row's triggers make of it what is stored). Rows that they leave out are missing.
    """
    changes = ", ".join(f"{ident(c)} = g.{ident(c)}" for c in table.column_names if c not in table.key)
    return (
        f"WITH g AS ({_given(table)}) UPDATE {qualified(table)} AS t SET {changes} FROM g WHERE {_same_key(table, 't', 'g')}"
        f" RETURNING g._n, {_values(table, 'new')} IS NOT DISTINCT FROM {_values(table, 'old')}"
    )


def _updates(table: Table, update: bool) -> bool:
    return update and not table.keyed_by_row


def _keys(table: Table) -> str:
    return ", ".join(map(ident, table.key))


def _order(table: Table) -> str:
    """The order of the key's index; what is sent has the database's default collation."""
    texts = {column.name for column in table.columns if column.type.name == "text"}
    return ", ".join(ident(name) + (' COLLATE "C"' if name in texts else "") for name in table.key)


def _same_key(table: Table, a: str, b: str) -> str:
    return " AND ".join(f"{a}.{ident(c)} = {b}.{ident(c)}" for c in table.key)


def _orphan(key: ForeignKey) -> str:
    return f"_no_{key.column}"


def _given(table: Table) -> str:
    arrays = ", ".join(f"%s::{column.type.catalog}[]" for column in table.columns)
    flags = "".join(
        f", {ident(k.column)} IS NOT NULL AND (SELECT true FROM {ident(table.dataset)}.{ident(k.parent)} p"
        f" WHERE p.{ident(k.parent_column)} = c.{ident(k.column)}) IS NULL AS {_orphan(k)}"
        for k in table.foreign_keys
    )
    return f"SELECT *{flags} FROM unnest({arrays}) WITH ORDINALITY AS c({columns_sql(table)}, _n)"


def _whole(table: Table) -> str:
    """The condition that no parent is missing."""
    flags = [f"NOT {_orphan(key)}" for key in table.foreign_keys]
    return f" WHERE {' AND '.join(flags)}" if flags else ""


def _values(table: Table, alias: str) -> str:
    return f"ROW({', '.join(f'{alias}.{ident(c)}' for c in table.column_names if c not in table.key)})"


def _on_conflict(table: Table, update: bool) -> str:
    """What happens to a stored row; ``_inserted`` is false for one that was overwritten."""
    returning = f"RETURNING {', '.join(f't.{ident(c)}' for c in table.key)}"
    if not _updates(table, update):
        return f"DO NOTHING {returning}, true AS _inserted"
    changes = ", ".join(f"{ident(c)} = EXCLUDED.{ident(c)}" for c in table.column_names if c not in table.key)
    differs = f"{_values(table, 't')} IS DISTINCT FROM {_values(table, 'EXCLUDED')}"
    # A row that this statement inserted has never been locked by anybody.
    return f"DO UPDATE SET {changes} WHERE {differs} {returning}, t.xmax = 0 AS _inserted"


def _comparison(table: Table) -> str:
    if table.keyed_by_row:
        return "true"
    same = f"{_values(table, 't')} IS NOT DISTINCT FROM {_values(table, 'g')}"
    return f"(SELECT {same} FROM {qualified(table)} t WHERE {_same_key(table, 't', 'g')})"
