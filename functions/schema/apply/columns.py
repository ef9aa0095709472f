"""Change the columns of a table: add and widen them; recreate or drop them if the table is empty."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, from_catalog, ident
from dataforge.tables.declarations import IDENTIFIER_BYTES
from functions.schema.apply.subject import Subject
from functions.schema.apply.widening import COLLATION, is_collation, is_lossless, is_rewritten
from functions.schema.difference import ColumnState

_OWN_OBJECTS = """
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %(relation)s::regclass AND a.attname = %(column)s
      AND d.deptype IN ('n', 'a')
      AND NOT (d.classid = 'pg_constraint'::regclass AND (SELECT contype = 'n' FROM pg_constraint WHERE oid = d.objid))
    UNION SELECT 'a right on the column' FROM pg_attribute
    WHERE attrelid = %(relation)s::regclass AND attname = %(column)s AND attacl IS NOT NULL
    ORDER BY 1
"""


def change_columns(it: Subject) -> Iterator[str]:
    """Add and widen columns, recreate or drop them if the table is empty, and correct NOT NULL and defaults."""
    have, want = it.have.columns, it.want.columns
    if it.closed:
        yield from _strangers(it)
    for column, wanted in want.items():
        found, name = have.get(column), f"{it.name}.{column}"
        if found is None and not it.size.empty and wanted.not_null and not wanted.default:
            it.refusals.append(f"{name} is new and NOT NULL, but the table has rows. Hint: make it nullable.")
        elif found is None:
            yield from _add_column(it, column, wanted)
        else:
            yield from _change(it, column, found, wanted)


def _strangers(it: Subject) -> Iterator[str]:
    have, want = it.have.columns, it.want.columns
    for unknown in (c for c in have if c not in want):
        if it.size.empty:
            yield from _drop_column(it, unknown)
        else:
            it.refusals.append(
                f"{it.name} has a column {unknown} that the catalogue lacks; dropping it would lose data. "
                "Hint: declare it again, or drop it manually."
            )
    order = [c for c in have if c in want] + [c for c in want if c not in have]
    if order != list(want) and not it.size.empty:
        it.refusals.append(
            f"{it.name}: new columns must come after {list(have)[-1]}, the last one; PostgreSQL cannot reorder columns."
            if have
            else f"{it.name} has no columns."
        )


def _drop_column(it: Subject, column: str) -> Generator[str, None, bool]:
    """Drop a column of an empty table unless an object of the owner depends on it. Returns whether it was dropped."""
    it.cursor.execute(_OWN_OBJECTS, {"relation": it.relation, "column": column})
    found = [what for (what,) in it.cursor.fetchall()]
    if found:
        it.refusals.append(
            f"{it.name}.{column} cannot be recreated: {', '.join(found)} depends on it. Hint: drop that first."
        )
    elif it.done(
        f"{column} cannot be dropped", Sql("ALTER TABLE {} DROP COLUMN {}").format(it.relation, ident(column))
    ):
        yield f"dropped {it.name}.{column}"
        return True
    return False


def _add_column(it: Subject, column: str, wanted: ColumnState) -> Iterator[str]:
    clauses = Sql("{} {}{}").format(
        wanted.type, wanted.default, Sql(" NOT NULL") if wanted.not_null else Sql("")
    )
    if it.done(
        f"{column} cannot be added",
        Sql("ALTER TABLE {} ADD COLUMN {} {}").format(it.relation, ident(column), clauses),
    ):
        yield f"added {it.name}.{column}"


def _change(it: Subject, column: str, found: ColumnState, wanted: ColumnState) -> Iterator[str]:
    if column in it.moved:
        if (yield from _drop_column(it, column)):
            yield from _add_column(it, column, wanted)
        return
    if found.type != wanted.type and not (yield from _set_type(it, column, found, wanted)):
        return
    if found.not_null != wanted.not_null:
        yield from _set_null(it, column, wanted)
    if not it.closed and found.default != wanted.default:
        yield from _set_default(it, column, found, wanted)


def _set_type(
    it: Subject, column: str, found: ColumnState, wanted: ColumnState
) -> Generator[str, None, bool]:
    """Convert the type if no value is lost. Returns whether the column now has the type."""
    name = f"{it.name}.{column}"
    if it.size.large and is_collation(found.type, wanted.type):
        # The conversion would rebuild its indexes. The doctor reports the statement.
        return True
    if not (it.closed and (it.size.empty or is_lossless(found.type, wanted.type))):
        it.refusals.append(
            f"{name} is {found.type}, the catalogue declares {wanted.type.removesuffix(COLLATION)}; converting may lose "
            "data. Hint: add a new column instead."
        )
        return False
    if it.size.large and is_rewritten(found.type, wanted.type):
        it.refusals.append(
            f"{name} is {found.type}, the catalogue declares {wanted.type}; converting would rewrite {it.size.rows} rows "
            f"and block the table. Hint: at a quiet time run ALTER TABLE {it.relation} ALTER COLUMN {ident(column)} "
            f"TYPE {wanted.type}, then deploy; or add a new column instead."
        )
        return False
    using = (
        Sql(" USING NULL::{}").format(from_catalog(wanted.type.removesuffix(COLLATION)))
        if it.size.empty
        else Sql("")
    )
    statement = Sql("ALTER TABLE {} ALTER COLUMN {} TYPE {}{}").format(
        it.relation, ident(column), wanted.type, using
    )
    if it.done(f"{column} cannot become {wanted.type}", statement):
        yield f"changed the type of {name} to {wanted.type}"
        return True
    return False


def _set_null(it: Subject, column: str, wanted: ColumnState) -> Iterator[str]:
    name = f"{it.name}.{column}"
    if not wanted.not_null:
        action = Sql("ALTER COLUMN {} DROP NOT NULL").format(ident(column))
    elif it.size.large:
        constraint = f"{it.table}_{column}_not_null"[:IDENTIFIER_BYTES]
        action = Sql("ADD CONSTRAINT {} NOT NULL {} NOT VALID").format(ident(constraint), ident(column))
        it.queue("validate", constraint)
    else:
        it.cursor.execute(Sql("SELECT count(*) FROM {} WHERE {} IS NULL").format(it.relation, ident(column)))
        (nulls,) = one_row(it.cursor)
        if nulls:
            it.refusals.append(
                f"{name} is declared NOT NULL, but {nulls} row(s) are NULL. Hint: fill them, or make it nullable."
            )
            return
        action = Sql("ALTER COLUMN {} SET NOT NULL").format(ident(column))
    if it.done(
        f"NOT NULL of {column} cannot be changed", Sql("ALTER TABLE {} {}").format(it.relation, action)
    ):
        yield f"{'set' if wanted.not_null else 'drop'} not null on {name}"


def _set_default(it: Subject, column: str, found: ColumnState, wanted: ColumnState) -> Iterator[str]:
    if "IDENTITY" in found.default + wanted.default:
        it.refusals.append(
            f"{it.name}.{column} has {found.default or 'no default'}, not {wanted.default or 'none'}."
            " Hint: change it manually."
        )
        return
    action = Sql("SET {}").format(wanted.default) if wanted.default else Sql("DROP DEFAULT")
    if it.done(
        f"the default of {column} cannot be changed",
        Sql("ALTER TABLE {} ALTER COLUMN {} {}").format(it.relation, ident(column), action),
    ):
        yield f"changed the default of {it.name}.{column}"
