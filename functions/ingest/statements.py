"""The one statement that stores a table's candidates and says what became of each.

Its cost follows the batch and never the tables' size or statistics: every look into a table is a scalar subquery, which
PostgreSQL can only answer through the key's index. Rows go in by the key's order, so concurrent batches cannot deadlock.
Answers hold the rows that were not simply inserted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dataforge.postgres.ddl import columns_sql, ident, qualified
from dataforge.tables.catalogue import ForeignKey, Table
from functions.ingest.candidates import Candidates

_NOTES = "dataforge.same"


def array(values: Sequence[str | None]) -> str:
    """Texts as PostgreSQL's array literal."""
    if None not in values:
        inside = '","'.join(values)  # type: ignore[arg-type]
        if "\\" not in inside and inside.count('"') == 2 * (len(values) - 1):
            return f'{{"{inside}"}}'
    return f"{{{','.join(map(_element, values))}}}"


def arrays(candidates: Candidates, places: Sequence[int]) -> list[str]:
    """The candidates at these places, as the parameters of a statement."""
    whole = len(places) == len(candidates.indices)
    columns = candidates.columns if whole else [[c[place] for place in places] for c in candidates.columns]
    return list(map(array, columns))


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
    whether the stored row is identical, NULL if there was none in the statement's snapshot. Place 0 says that the owner's
    triggers gave rows other keys, so that it is not known which were stored.
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
    if updates(table, update):
        state = f"coalesce(d._inserted, nullif({state}, false))"
    # Asked first, and once: in the usual case all are inserted, and nothing is joined.
    some = "(SELECT count(*) FROM done WHERE _inserted) < (SELECT count(*) FROM given)"
    lines += [
        f"SELECT {', '.join(['g._n', state, *(f'g.{_orphan(k)}' for k in table.foreign_keys)])}",
        f"FROM given g LEFT JOIN {done} d ON {match} WHERE d._inserted IS NOT TRUE AND {some}",
        f"UNION ALL SELECT {', '.join(['0', 'NULL', *('false' for _ in table.foreign_keys)])} WHERE CASE WHEN {some}",
        f"THEN EXISTS (SELECT {_keys(table)} FROM done EXCEPT SELECT {_keys(table)} FROM given) ELSE false END",
    ]
    return "\n".join(lines)


@cache
def note_statement(table: Table) -> str:
    """Notes in a setting, until the end of the savepoint, which rows the triggers before an INSERT make equal to the stored
    ones, and stores nothing. No trigger on UPDATE runs. Its parameters are those of ``store_statement``."""
    noted = f"set_config('{_NOTES}', concat_ws(' ', current_setting('{_NOTES}', true), {_digest(table, 'EXCLUDED')}), true)"
    return (
        f"INSERT INTO {qualified(table)} AS t ({columns_sql(table)}) SELECT {columns_sql(table)} FROM ({_given(table)}) g"
        f" ORDER BY {_order(table)} ON CONFLICT ({_keys(table)}) DO UPDATE SET {ident(table.key[0])} = NULL"
        f" WHERE CASE WHEN {_differ(table)} THEN false ELSE {noted} IS NULL END"
    )


@cache
def noted_statement(table: Table) -> str:
    """The places that ``note_statement`` noted, with the same parameters."""
    noted = f"string_to_array(current_setting('{_NOTES}', true), ' ')"
    return f"SELECT g._n FROM ({_given(table)}) g WHERE {_digest(table, 'g')} = ANY ({noted})"


@cache
def present_statement(table: Table) -> str:
    """The places whose keys are stored, with the parameters of ``store_statement``."""
    found = f"SELECT FROM {qualified(table)} t WHERE {_same_key(table, 't', 'g')}"
    return f"SELECT g._n FROM ({_given(table)}) g WHERE EXISTS ({found})"


def _digest(table: Table, alias: str) -> str:
    return f"md5(ROW({', '.join(f'{alias}.{ident(c)}' for c in table.key)})::text)"


def updates(table: Table, update: bool) -> bool:
    """Whether a stored row is overwritten: there is nothing to overwrite in one that is its own key."""
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
    if not updates(table, update):
        return f"DO NOTHING {returning}, true AS _inserted"
    changes = ", ".join(f"{ident(c)} = EXCLUDED.{ident(c)}" for c in table.column_names if c not in table.key)
    # A row that this statement inserted has never been locked by anybody.
    return f"DO UPDATE SET {changes} WHERE {_differ(table)} {returning}, t.xmax = 0 AS _inserted"


def _differ(table: Table) -> str:
    return f"{_values(table, 't')} IS DISTINCT FROM {_values(table, 'EXCLUDED')}"


def _comparison(table: Table) -> str:
    same = (
        "true" if table.keyed_by_row else f"{_values(table, 't')} IS NOT DISTINCT FROM {_values(table, 'g')}"
    )
    return f"(SELECT {same} FROM {qualified(table)} t WHERE {_same_key(table, 't', 'g')})"
