"""The SQL statement that stores the candidates of one table and returns the result of each.

Its cost depends on the batch, not on the tables' size or statistics: every lookup in a table is a scalar subquery, which
PostgreSQL can only answer through the key's index. Rows are inserted in key order, so concurrent batches cannot deadlock.
The answer contains only the rows that were not simply inserted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dataforge.postgres.ddl import columns_sql, qualified
from dataforge.postgres.references import has_values, is_parent
from dataforge.postgres.row_identity import ROW_KEY_SEEDS, on_key, row_hash, same_key
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Column, ForeignKey, Table
from dataforge.tables.types.arrays import Array
from dataforge.tables.types.text import Text
from functions.ingest.candidates import Candidates

_UNCHANGED = Sql("dataforge.same")
"""The setting that contains the digests of the keys of unchanged rows."""


def array(values: Sequence[str | None]) -> str:
    """An array literal of PostgreSQL."""
    if None not in values:
        inside = '","'.join(values)  # type: ignore[arg-type]
        if "\\" not in inside and inside.count('"') == 2 * (len(values) - 1):
            return f'{{"{inside}"}}'
    return f"{{{','.join(map(_element, values))}}}"


def arrays(candidates: Candidates, positions: Sequence[int]) -> list[str]:
    """The candidates at ``positions`` as the parameters of a statement: one array per column."""
    whole = len(positions) == len(candidates.indices)
    columns = (
        candidates.columns if whole else [[c[position] for position in positions] for c in candidates.columns]
    )
    return list(map(array, columns))


def _element(value: str | None) -> str:
    if value is None:
        return "NULL"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@cache
def append_statement(table: Table) -> Sql:
    """The statement for a multiset, with the parameters and the answer of ``store_statement``.

    Every row that has its parents is inserted. Number 0 reports that triggers skipped rows, of which copies do not show
    which.
    """
    flags = [Sql("g.{}").format(flag) for flag in _orphan_flags(table.other_keys)]
    whole, orphaned = whole_rows(table), Sql(" OR ").join(flags) or Sql("false")
    return Sql(
        "WITH given AS ({given}), done AS (INSERT INTO {table} ({columns}) SELECT {columns} FROM given{whole} RETURNING 1)\n"
        "SELECT {answer} FROM given g WHERE {orphaned} UNION ALL SELECT {skipped}"
        " WHERE (SELECT count(*) FROM done) < (SELECT count(*) FROM given{whole})"
    ).format(
        given=given_rows(table, table.other_keys),
        table=qualified(table),
        columns=columns_sql(table),
        whole=whole,
        answer=Sql(", ").join([Sql("g._n"), Sql("NULL::boolean"), *flags]),
        orphaned=orphaned,
        skipped=Sql(", ").join([Sql("0"), Sql("NULL"), *(Sql("false") for _ in flags)]),
    )


@cache
def store_statement(table: Table, *, update: bool, conflicting: bool) -> Sql:
    """The statement for one table. Its parameters are one array per column.

    With ``update``, a stored row with other values is overwritten. ``conflicting``: some candidates share a key.
    Returns rows (number from 1, state, one boolean per foreign key: its parent is missing). The state of a row that has
    all its parents is, with ``update``, false if a stored row was overwritten, true if it is identical, and NULL if
    neither was seen. Without ``update``, it is whether the stored row is identical, and NULL if the statement's snapshot
    has none. Number 0 reports that the owner's triggers changed keys, so that it is unknown which rows were stored.
    """
    lines = [Sql("WITH given AS ({})").format(given_rows(table, table.other_keys))]
    source = Sql("given")
    if conflicting:
        order = key_order(table)
        lines.append(
            Sql(", first AS (SELECT DISTINCT ON ({}) * FROM given{} ORDER BY {}, _n)").format(
                order, whole_rows(table), order
            )
        )
        source = Sql("first")
    lines += [
        Sql(", done AS (INSERT INTO {} AS t ({})").format(qualified(table), columns_sql(table)),
        Sql("SELECT {} FROM {}{} ORDER BY {}").format(
            columns_sql(table), source, Sql("") if conflicting else whole_rows(table), key_order(table)
        ),
        Sql("ON CONFLICT ({}) {})").format(on_key(table), _on_conflict(table, update)),
    ]
    if conflicting:
        lines.append(
            Sql(", stored AS (SELECT done.*, first._n FROM done JOIN first USING ({}))").format(_keys(table))
        )
    done = Sql("stored") if conflicting else Sql("done")
    match = Sql("d._n = g._n") if conflicting else same_key(table, "d", "g")
    state = _comparison(table)
    if updates(table, update):
        state = Sql("coalesce(d._inserted, nullif({}, false))").format(state)
    # Evaluated once and first: usually all rows are inserted, and nothing is joined.
    some = Sql("(SELECT count(*) FROM done WHERE _inserted) < (SELECT count(*) FROM given)")
    lines += [
        Sql("SELECT {}").format(
            Sql(", ").join(
                [Sql("g._n"), state, *(Sql("g.{}").format(flag) for flag in _orphan_flags(table.other_keys))]
            )
        ),
        Sql("FROM given g LEFT JOIN {} d ON {} WHERE d._inserted IS NOT TRUE AND {}").format(
            done, match, some
        ),
        Sql("UNION ALL SELECT {} WHERE CASE WHEN {}").format(
            Sql(", ").join([Sql("0"), Sql("NULL"), *(Sql("false") for _ in table.other_keys)]), some
        ),
        Sql("THEN EXISTS (SELECT {} FROM done EXCEPT SELECT {} FROM given) ELSE false END").format(
            _keys(table), _keys(table)
        ),
    ]
    return Sql("\n").join(lines)


@cache
def orphans_statement(table: Table) -> Sql:
    """The statement that returns the rows whose parent in the circle is not stored, with the same parameters.

    Returns rows (number from 1, one boolean per circular key: its parent is missing).
    """
    flags = _orphan_flags(table.circular_keys)
    return Sql("SELECT _n, {} FROM ({}) g WHERE {}").format(
        Sql(", ").join(flags), given_rows(table, table.circular_keys), Sql(" OR ").join(flags)
    )


@cache
def record_unchanged_statement(table: Table) -> Sql:
    """The statement that records in a setting which rows the triggers before INSERT make equal to the stored ones.

    It stores nothing and runs no trigger on UPDATE. The setting is reset at the end of the savepoint. The parameters are
    those of ``store_statement``.
    """
    recorded = Sql("set_config('{}', concat_ws(' ', current_setting('{}', true), {}), true)").format(
        _UNCHANGED, _UNCHANGED, _digest(table, Sql("EXCLUDED"))
    )
    return Sql(
        "INSERT INTO {table} AS t ({columns}) SELECT {columns} FROM ({given}) g"
        " ORDER BY {order} ON CONFLICT ({keys}) DO UPDATE SET {key} = NULL"
        " WHERE CASE WHEN {differ} THEN false ELSE {recorded} IS NULL END"
    ).format(
        table=qualified(table),
        columns=columns_sql(table),
        given=given_rows(table, table.other_keys),
        order=key_order(table),
        keys=_keys(table),
        key=ident(table.key[0]),
        differ=_differ(table),
        recorded=recorded,
    )


@cache
def unchanged_statement(table: Table) -> Sql:
    """The statement that returns the numbers of the recorded rows, with the same parameters."""
    recorded = Sql("string_to_array(current_setting('{}', true), ' ')").format(_UNCHANGED)
    return Sql("SELECT g._n FROM ({}) g WHERE {} = ANY ({})").format(
        given_rows(table, table.other_keys), _digest(table, Sql("g")), recorded
    )


@cache
def present_statement(table: Table) -> Sql:
    """The statement that returns the numbers of the rows whose keys are stored, with the same parameters."""
    found = Sql("SELECT FROM {} t WHERE {}").format(qualified(table), same_key(table, "t", "g"))
    return Sql("SELECT g._n FROM ({}) g WHERE EXISTS ({})").format(given_rows(table, table.other_keys), found)


def _digest(table: Table, alias: Sql) -> Sql:
    return Sql("md5(ROW({})::text)").format(
        Sql(", ").join(Sql("{}.{}").format(alias, ident(c)) for c in table.key)
    )


def updates(table: Table, update: bool) -> bool:
    """Whether stored rows are overwritten. A table whose key is the whole row has nothing to overwrite."""
    return update and not table.keyed_by_row


def _keys(table: Table) -> Sql:
    return Sql(", ").join(map(ident, table.identity))


def key_order(table: Table) -> Sql:
    """The order of the key's index. Parameters have the database's default collation."""
    if not table.key:
        return Sql(", ").join(row_hash(table, seed=seed) for seed in ROW_KEY_SEEDS)
    texts = {column.name for column in table.columns if isinstance(column.type, Text)}
    return Sql(", ").join(
        ident(name) + (Sql(' COLLATE "C"') if name in texts else Sql("")) for name in table.key
    )


def _orphan_flags(keys: Sequence[ForeignKey]) -> list[Sql]:
    """The names of the columns, one for each foreign key: whether the parent of a row is missing."""
    return [ident(f"_no_{number}") for number in range(len(keys))]


def given_rows(table: Table, keys: Sequence[ForeignKey]) -> Sql:
    """The query of the candidates with their numbers, from one array per column, and a flag for each foreign key."""
    arrays = Sql(", ").join(Sql("%s::{}[]").format(_sent_as(column)) for column in table.columns)
    flags = Sql("").join(
        Sql(", {} AND (SELECT true FROM {}.{} p WHERE {}) IS NULL AS {}").format(
            has_values(key, "c"), ident(table.dataset), ident(key.parent), is_parent(key, "p", "c"), flag
        )
        for key, flag in zip(keys, _orphan_flags(keys), strict=True)
    )
    columns = columns_sql(table)
    source = Sql("unnest({}) WITH ORDINALITY AS c({}, _n)").format(arrays, columns)
    if any(isinstance(column.type, Array) for column in table.columns):
        # unnest would take the items out of arrays: they are passed as texts, and converted row by row.
        values = Sql(", ").join(
            Sql("{}::{} AS {}").format(ident(c.name), c.type.catalog, ident(c.name)) for c in table.columns
        )
        source = Sql("(SELECT {}, _n FROM {}) AS c").format(values, source)
    return Sql("SELECT *{} FROM {}").format(flags, source)


def _sent_as(column: Column) -> Sql:
    """The type of the parameter's items."""
    return Sql("text") if isinstance(column.type, Array) else column.type.catalog


def whole_rows(table: Table) -> Sql:
    """The condition that no parent is missing, as a WHERE clause; nothing without references."""
    flags = [Sql("NOT {}").format(flag) for flag in _orphan_flags(table.other_keys)]
    return Sql(" WHERE {}").format(Sql(" AND ").join(flags)) if flags else Sql("")


def _values(table: Table, alias: Sql) -> Sql:
    return Sql("ROW({})").format(
        Sql(", ").join(Sql("{}.{}").format(alias, ident(c)) for c in table.column_names if c not in table.key)
    )


def _on_conflict(table: Table, update: bool) -> Sql:
    """The action for a stored row. ``_inserted`` is false for a row that was overwritten."""
    returning = Sql("RETURNING {}").format(
        Sql(", ").join(Sql("t.{}").format(ident(c)) for c in table.identity)
    )
    if not updates(table, update):
        return Sql("DO NOTHING {}, true AS _inserted").format(returning)
    changes = Sql(", ").join(
        Sql("{} = EXCLUDED.{}").format(ident(c), ident(c)) for c in table.column_names if c not in table.key
    )
    # No transaction has locked a row that this statement inserted, so its xmax is 0.
    return Sql("DO UPDATE SET {} WHERE {} {}, t.xmax = 0 AS _inserted").format(
        changes, _differ(table), returning
    )


def _differ(table: Table) -> Sql:
    return Sql("{} IS DISTINCT FROM {}").format(_values(table, Sql("t")), _values(table, Sql("EXCLUDED")))


def _comparison(table: Table) -> Sql:
    same = (
        Sql("true")
        if table.keyed_by_row
        else Sql("{} IS NOT DISTINCT FROM {}").format(_values(table, Sql("t")), _values(table, Sql("g")))
    )
    return Sql("(SELECT {} FROM {} t WHERE {})").format(same, qualified(table), same_key(table, "t", "g"))
