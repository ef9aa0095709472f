"""Compute the changes of a table's columns: add, widen, narrow and drop them, and recreate those of an empty table."""

from __future__ import annotations

from dataforge.postgres.conversions import COLLATION, is_collation, is_lossless, is_rewritten, lossy_rows
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, from_catalog, ident, literal
from dataforge.tables.constraint_names import constraint_name
from functions.schema.apply.statement import Step, Work
from functions.schema.apply.subject import Subject
from functions.schema.apply.violations import count
from functions.schema.difference import ColumnState

_OWN_OBJECTS = """
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
    LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %(relation)s::regclass AND a.attname = %(column)s
      AND d.deptype IN ('n', 'a') AND k.contype IS DISTINCT FROM 'n'
      AND NOT coalesce(k.conname = ANY(%(dropped)s) OR c.relname = ANY(%(dropped)s), false)
    UNION SELECT 'a right on the column' FROM pg_attribute
    WHERE attrelid = %(relation)s::regclass AND attname = %(column)s AND attacl IS NOT NULL
    ORDER BY 1
"""
"""Objects that depend on a column, except NOT NULL and those that the same deployment drops first."""


_OF_NEW_ROWS = Sql("DEFAULT pg_current_xact_id()")
"""A default that existing rows do not get: it describes the transaction of an INSERT, and would rewrite the table."""


def change_columns(it: Subject) -> None:
    """Add, widen and narrow columns, recreate or drop them, and correct NOT NULL and defaults."""
    have, want = it.have.columns, it.want.columns
    if it.closed:
        _drop_strangers(it)
        _refuse_order(it)
    for column, wanted in want.items():
        found = have.get(column)
        if found is None:
            _add_column(it, column, wanted)
        else:
            _change(it, column, found, wanted)


def _drop_strangers(it: Subject) -> None:
    """Drop undeclared columns of an empty table, and those that the table declares as removed; refuse the others."""
    for unknown in (c for c in it.have.columns if c not in it.want.columns):
        if it.size.empty or unknown in it.evolution.removed:
            _drop_column(it, unknown)
            continue
        values = _values(it, unknown)
        it.refusals.append(
            f"{it.name} has a column {unknown} that the catalogue lacks; dropping it would lose data ({values} have a "
            f'value). Hint: declare it again, or removed=("{unknown}",), or Renamed("{unknown}") at the column with its '
            "new name."
        )


def _values(it: Subject, column: str) -> str:
    if it.size.large:
        return f"some of about {it.size.rows} rows"
    query = Sql("SELECT count({}) FROM {}").format(it.column(column), it.actual)
    return f"{count(it.cursor, query)} row(s)"


def _refuse_order(it: Subject) -> None:
    have, want = it.have.columns, it.want.columns
    order = [c for c in have if c in want] + [c for c in want if c not in have]
    if order != list(want) and not it.size.empty:
        it.refusals.append(
            f"{it.name}: new columns must come after {list(have)[-1]}, the last one; PostgreSQL cannot reorder columns. "
            "Hint: declare them at the end of the class."
            if have
            else f"{it.name} has no columns."
        )


def _drop_column(it: Subject, column: str) -> bool:
    """Drop a column unless an object of the owner depends on it. Returns whether it is dropped."""
    it.cursor.execute(
        _OWN_OBJECTS,
        {
            "relation": it.actual,
            "column": it.former.columns.get(column, column),
            "dropped": sorted(it.outcome.dropped),
        },
    )
    found = [what for (what,) in it.cursor.fetchall()]
    if found:
        action = "recreated" if column in it.want.columns else "dropped"
        it.refusals.append(
            f"{it.name}.{column} cannot be {action}: {', '.join(found)} depends on it. Hint: drop that first."
        )
        return False
    statement = Sql("ALTER TABLE {} DROP COLUMN {}").format(it.relation, ident(column))
    it.add(
        Step.COLUMNS,
        f"{column} cannot be dropped",
        statement,
        change=f"dropped {it.name}.{column}",
        subject=column,
    )
    return True


def _add_column(it: Subject, column: str, wanted: ColumnState) -> None:
    default = it.defaults.get(column)
    needed = wanted.not_null and not wanted.default and not it.size.empty
    if needed and default is None:
        it.refusals.append(
            f"{it.name}.{column} is new and NOT NULL, but the table has rows. Hint: make it nullable, or declare a default."
        )
        return
    clause = wanted.default if default is None or not needed else Sql("DEFAULT {}").format(default)
    if clause == _OF_NEW_ROWS:
        clause = Sql("")
    clauses = Sql("{} {}{}").format(wanted.type, clause, Sql(" NOT NULL") if wanted.not_null else Sql(""))
    it.add(
        Step.COLUMNS,
        f"{column} cannot be added",
        Sql("ALTER TABLE {} ADD COLUMN {} {}").format(it.relation, ident(column), clauses),
        change=f"added {it.name}.{column}",
        subject=column,
        work=Work.REWRITE if "IDENTITY" in wanted.default else Work.NONE,
    )
    if wanted.default == _OF_NEW_ROWS:
        it.add(
            Step.COLUMNS,
            f"{column} cannot be added",
            Sql("ALTER TABLE {} ALTER COLUMN {} SET {}").format(it.relation, ident(column), _OF_NEW_ROWS),
            subject=column,
        )
    if needed:
        # The value of the existing rows is stored in the catalog. The declared table has no default.
        it.add(
            Step.COLUMNS,
            f"{column} cannot be added",
            Sql("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT").format(it.relation, ident(column)),
            subject=column,
        )


def _change(it: Subject, column: str, found: ColumnState, wanted: ColumnState) -> None:
    if column in it.moved:
        if _drop_column(it, column):
            _add_column(it, column, wanted)
        return
    if found.type != wanted.type and not _set_type(it, column, found, wanted):
        return
    if found.not_null != wanted.not_null:
        _set_null(it, column, wanted)
    if it.closed and ("IDENTITY" in found.default) != ("IDENTITY" in wanted.default):
        _set_identity(it, column, wanted)
    if not it.closed and found.default != wanted.default:
        _set_default(it, column, found, wanted)


def _set_identity(it: Subject, column: str, wanted: ColumnState) -> None:
    """Add or drop the sequence of an identity column. A new one continues after the rows' values."""
    action = Sql("ADD {}").format(wanted.default) if wanted.default else Sql("DROP IDENTITY")
    name = ident(column)
    statements = [Sql("ALTER TABLE {} ALTER COLUMN {} {}").format(it.relation, name, action)]
    if wanted.default:
        place = Sql("pg_get_serial_sequence({}, {})").format(literal(it.relation), literal(column))
        statements.append(
            Sql("SELECT setval({}, max({})) FROM {} HAVING max({}) > 0").format(
                place, name, it.relation, name
            )
        )
    for number, statement in enumerate(statements):
        it.add(
            Step.COLUMNS,
            f"the identity of {column} cannot be changed",
            statement,
            change="" if number else f"changed the identity of {it.name}.{column}",
            subject=column,
        )


def _set_type(it: Subject, column: str, found: ColumnState, wanted: ColumnState) -> bool:
    """Convert the type if no value is lost. Returns whether the column then has the type."""
    if it.size.large and is_collation(found.type, wanted.type):
        # The conversion would rebuild its indexes. The doctor reports the statement.
        return True
    lossless = is_lossless(found.type, wanted.type)
    allowed = it.closed and (it.size.empty or lossless or column in it.evolution.narrowed)
    rewritten = not lossless or is_rewritten(found.type, wanted.type)
    if not (allowed and _fits(it, column, found, wanted, rewritten=rewritten)):
        if not allowed:
            _refuse_conversion(it, column, found, wanted)
        return False
    bare = from_catalog(wanted.type.removesuffix(COLLATION))
    using = Sql("")
    if it.size.empty:
        using = Sql(" USING NULL::{}").format(bare)
    elif not lossless:
        using = Sql(" USING {}::text::{}").format(ident(column), bare)
    it.add(
        Step.COLUMNS,
        f"{column} cannot become {wanted.type}",
        Sql("ALTER TABLE {} ALTER COLUMN {} TYPE {}{}").format(
            it.relation, ident(column), wanted.type, using
        ),
        change=f"changed the type of {it.name}.{column} to {wanted.type}",
        subject=column,
        work=_conversion(found, wanted, rewritten=rewritten),
    )
    return True


def _conversion(found: ColumnState, wanted: ColumnState, *, rewritten: bool) -> Work:
    """The work of PostgreSQL for a conversion: another collation rebuilds the column's indexes only."""
    if is_collation(found.type, wanted.type):
        return Work.INDEX
    return Work.REWRITE if rewritten else Work.NONE


def _refuse_conversion(it: Subject, column: str, found: ColumnState, wanted: ColumnState) -> None:
    name, kind = f"{it.name}.{column}", wanted.type.removesuffix(COLLATION)
    hint = f'add a new column instead, or declare narrowed=("{column}",) to convert it if no value is lost'
    it.refusals.append(
        f"{name} is {found.type}, the catalogue declares {kind}; converting may lose data. Hint: {hint}."
        if it.closed
        else f"{name} is {found.type}, the catalogue declares {kind}; converting may lose data. "
        "Hint: add a new column instead."
    )


def _fits(it: Subject, column: str, found: ColumnState, wanted: ColumnState, *, rewritten: bool) -> bool:
    """Whether the rows may be converted now: the table is not too large, and no value is lost."""
    name = f"{it.name}.{column}"
    if it.size.large and rewritten:
        it.refusals.append(
            f"{name} is {found.type}, the catalogue declares {wanted.type}; converting would rewrite {it.size.rows} rows "
            f"and block the table. Hint: at a quiet time run ALTER TABLE {it.relation} ALTER COLUMN {ident(column)} "
            f"TYPE {wanted.type}, then deploy; or add a new column instead."
        )
        return False
    if it.size.empty or is_lossless(found.type, wanted.type):
        return True
    old, kind = (from_catalog(state.type.removesuffix(COLLATION)) for state in (found, wanted))
    lost = count(it.cursor, lossy_rows(it.actual, it.column(column), old, kind))
    if lost:
        it.refusals.append(
            f"{name} is {found.type}, the catalogue declares {kind}; {lost} row(s) have a value that it cannot hold. "
            "Hint: correct them, or declare the old type."
        )
    return not lost


def _set_null(it: Subject, column: str, wanted: ColumnState) -> None:
    work = Work.NONE
    constraint = constraint_name(it.table, (column,), "not_null")
    # Before PostgreSQL 18 a check takes the place of NOT NULL until the upkeep has validated it.
    native = it.cursor.connection.info.server_version >= 180_000
    if not wanted.not_null:
        action = Sql("ALTER COLUMN {} DROP NOT NULL").format(ident(column))
        if not native:
            action = Sql("{}, DROP CONSTRAINT IF EXISTS {}").format(action, ident(constraint))
    elif it.size.large:
        form = Sql("NOT NULL {}") if native else Sql("CHECK ({} IS NOT NULL)")
        action = Sql("ADD CONSTRAINT {} {} NOT VALID").format(ident(constraint), form.format(ident(column)))
        it.queue("validate", constraint)
    else:
        it.cursor.execute(
            Sql("SELECT count(*) FROM {} WHERE {} IS NULL").format(it.actual, it.column(column))
        )
        (nulls,) = one_row(it.cursor)
        if nulls:
            it.refusals.append(
                f"{it.name}.{column} is declared NOT NULL, but {nulls} row(s) are NULL. "
                "Hint: fill them, or make it nullable."
            )
            return
        action, work = Sql("ALTER COLUMN {} SET NOT NULL").format(ident(column)), Work.SCAN
    it.add(
        Step.COLUMNS,
        f"NOT NULL of {column} cannot be changed",
        Sql("ALTER TABLE {} {}").format(it.relation, action),
        change=f"{'set' if wanted.not_null else 'drop'} not null on {it.name}.{column}",
        subject=column,
        work=work,
    )


def _set_default(it: Subject, column: str, found: ColumnState, wanted: ColumnState) -> None:
    if "IDENTITY" in found.default + wanted.default:
        it.refusals.append(
            f"{it.name}.{column} has {found.default or 'no default'}, not {wanted.default or 'none'}."
            " Hint: change it manually."
        )
        return
    action = Sql("SET {}").format(wanted.default) if wanted.default else Sql("DROP DEFAULT")
    it.add(
        Step.COLUMNS,
        f"the default of {column} cannot be changed",
        Sql("ALTER TABLE {} ALTER COLUMN {} {}").format(it.relation, ident(column), action),
        change=f"changed the default of {it.name}.{column}",
        subject=column,
    )
