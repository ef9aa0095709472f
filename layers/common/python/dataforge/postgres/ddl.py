"""DDL derived from the catalogue. Pure: the CDK app imports it for the schema's fingerprint."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from dataforge.postgres.roles import LOGINS, ROLE_SQL, table_grants
from dataforge.postgres.row_identity import ROW_KEY_SEEDS, row_hash
from dataforge.postgres.sql import Sql, ident, literal, number
from dataforge.runs.ledger_tables import INTERNAL
from dataforge.tables.catalogue import Column, Dataset, ForeignKey, Table
from dataforge.tables.checks import Comparison, Operand, TableCheck
from dataforge.tables.columns import Digest
from dataforge.tables.constraint_names import constraint_name
from dataforge.tables.datasets import DATASETS
from dataforge.tables.types.numbers import WholeNumber

_REPEATED = re.compile(r"\^\[([^]\\^][^]\\]*)\]\{(\d+)\}\$")
"""A pattern that is one class of characters with a number of repetitions."""


_SIGNS = {
    "=": Sql("="),
    "<>": Sql("<>"),
    "<": Sql("<"),
    "<=": Sql("<="),
    ">": Sql(">"),
    ">=": Sql(">="),
}


def qualified(table: Table, schema: str | None = None) -> Sql:
    """``"schema"."table"``, by default in the dataset's own schema."""
    return Sql("{}.{}").format(ident(schema or table.dataset), ident(table.name))


def columns_sql(table: Table) -> Sql:
    """The table's columns, quoted, in order."""
    return names_sql(table.column_names)


def names_sql(names: Iterable[str]) -> Sql:
    """Names, quoted, separated by commas."""
    return Sql(", ").join(map(ident, names))


def column_sql(column: Column) -> Sql:
    """The definition of a column in CREATE TABLE."""
    return Sql("{} {}{}").format(
        ident(column.name), column.type.sql, Sql("") if column.nullable else Sql(" NOT NULL")
    )


def create_table(table: Table, schema: str | None = None, extra: Sql | None = None) -> Sql:
    """CREATE TABLE with types and NOT NULL, without keys and checks. ``extra``: a further column definition."""
    columns = [column_sql(column) for column in table.columns] + ([extra] if extra else [])
    return Sql("CREATE TABLE {} ({})").format(qualified(table, schema), Sql(", ").join(columns))


def default_values(table: Table) -> dict[str, Sql]:
    """The declared defaults by column, for columns that a deployment adds to a table with rows."""
    return {
        column.name: Sql("{}::{}").format(literal(column.rule.default), column.type.catalog)
        for column in table.columns
        if column.rule.default is not None
    }


def primary_key(table: Table) -> Iterator[tuple[str, Sql]]:
    """The primary key's name and definition, unless the table has none."""
    if table.key:
        yield constraint_name(table.name, (), "pkey"), Sql("PRIMARY KEY ({})").format(names_sql(table.key))


def unique_constraints(table: Table) -> Iterator[tuple[str, Sql]]:
    """Name and definition of each unique constraint."""
    for unique in table.uniques:
        yield unique.name, Sql("UNIQUE ({})").format(names_sql(unique.columns))


def keys(table: Table) -> Iterator[tuple[str, Sql]]:
    """Name and definition of the primary key and of the unique constraints: a foreign key needs one of them."""
    yield from primary_key(table)
    yield from unique_constraints(table)


def foreign_key(key: ForeignKey, parent_schema: str) -> Sql:
    """A foreign key's definition, with the parent in the given schema."""
    parent = Sql("{}.{}").format(ident(parent_schema), ident(key.parent))
    definition = Sql("FOREIGN KEY ({}) REFERENCES {} ({}){}")
    deferrable = Sql(" DEFERRABLE") if key.deferrable else Sql("")
    return definition.format(names_sql(key.columns), parent, names_sql(key.parent_columns), deferrable)


def foreign_keys(table: Table, parent_schema: str) -> Iterator[tuple[str, Sql]]:
    """Name and definition of each foreign key, with the parents in the given schema."""
    return ((key.name, foreign_key(key, parent_schema)) for key in table.foreign_keys)


def checks(table: Table) -> Iterator[tuple[str, Sql]]:
    """Name and definition of each CHECK, of columns and of the table: the rules of the row model in SQL."""
    for column in table.columns:
        terms = list(_terms(column))
        if terms:
            yield (
                constraint_name(table.name, (column.name,), "check"),
                Sql("CHECK ({})").format(Sql(" AND ").join(terms)),
            )
    for check in table.checks:
        yield check.name, Sql("CHECK ({})").format(_condition(table, check))


def _condition(table: Table, check: TableCheck) -> Sql:
    if isinstance(check, Comparison):
        sign = _SIGNS[check.sign]
        return Sql("{} {} {}").format(_operand(table, check.left), sign, _operand(table, check.right))
    return Sql("num_nonnulls({}) > 0").format(names_sql(table.column_names[p] for p in check.positions))


def _operand(table: Table, operand: Operand) -> Sql:
    if operand.position is None:
        return Sql("{}::{}").format(literal(operand.text), operand.type.catalog)
    return ident(table.column_names[operand.position])


def _terms(column: Column) -> Iterator[Sql]:
    yield from _declared(column)
    yield from _of_type(column)
    if column.rule.digest is not None:
        yield Sql("{} = {}").format(ident(column.name), _digest(column.rule.digest))


def _declared(column: Column) -> Iterator[Sql]:
    """Conditions of the rules that the row model declares."""
    rule, name = column.rule, ident(column.name)
    if rule.choices:
        yield Sql("{} IN ({})").format(name, Sql(", ").join(map(_choice, rule.choices)))
    if rule.pattern is not None:
        yield _matches(name, rule.pattern)
    if rule.min_length is not None:
        yield Sql("char_length({}) >= {}").format(name, rule.min_length)
    if rule.max_length is not None:
        yield Sql("char_length({}) <= {}").format(name, rule.max_length)
    if rule.max_bytes is not None:
        yield Sql("octet_length({}) <= {}").format(name, rule.max_bytes)
    if rule.ge is not None and not _type_bound(column, rule.ge):
        yield Sql("{} >= {}").format(name, number(rule.ge))
    if rule.le is not None and not _type_bound(column, rule.le):
        yield Sql("{} <= {}").format(name, number(rule.le))


def _choice(value: str | int) -> Sql:
    return literal(value) if isinstance(value, str) else number(value)


def _matches(name: Sql, pattern: str) -> Sql:
    """The condition that a text matches. A counted repetition is six times slower in PostgreSQL (1.5 µs for an id)."""
    repeated = _REPEATED.fullmatch(pattern)
    if repeated is None:
        return Sql("{} ~ {}").format(name, literal(pattern))
    return Sql("char_length({}) = {} AND {} !~ {}").format(
        name, int(repeated[2]), name, literal(f"[^{repeated[1]}]")
    )


def _of_type(column: Column) -> Iterator[Sql]:
    """Conditions that exclude values of PostgreSQL's type that Python lacks or Data Forge refuses."""
    rule, name = column.rule, ident(column.name)
    yield from column.type.checks(name, lower=rule.ge is not None, upper=rule.le is not None)


def _type_bound(column: Column, bound: object) -> bool:
    return isinstance(column.type, WholeNumber) and bound in column.type.limits


def _digest(digest: Digest) -> Sql:
    return Sql("md5({})").format(Sql(" || chr(31) || ").join(map(ident, digest.columns)))


def constraints(table: Table) -> Iterator[tuple[str, Sql]]:
    """Name and definition of every constraint, foreign keys last."""
    yield from keys(table)
    yield from checks(table)
    yield from foreign_keys(table, table.dataset)


def row_index(table: Table, schema: str | None = None) -> Iterator[tuple[str, Sql]]:
    """Name and CREATE INDEX of the index on whole rows of a table without a primary key.

    It finds the copies of a row, and makes the rows of a distinct table unique: by 128 bits of hash, because an entry of an
    index has at most 2,704 bytes and 32 columns, and because NULL equals NULL.
    """
    if table.key:
        return
    kind, seeds = (Sql(""), ROW_KEY_SEEDS[:1]) if table.is_multiset else (Sql("UNIQUE "), ROW_KEY_SEEDS)
    name = constraint_name(table.name, ("row",), "copies" if table.is_multiset else "key")
    hashes = Sql(", ").join(row_hash(table, seed=seed) for seed in seeds)
    statement = Sql("CREATE {}INDEX {} ON {} ({})")
    yield name, statement.format(kind, ident(name), qualified(table, schema), hashes)


def index_statements(table: Table, schema: str | None = None) -> Iterator[tuple[str, Sql]]:
    """Name and CREATE INDEX of each index that no constraint implies."""
    yield from row_index(table, schema)
    for name, columns in table.indexes.items():
        statement = Sql("CREATE INDEX {} ON {} ({})")
        yield name, statement.format(ident(name), qualified(table, schema), names_sql(columns))


def comments(table: Table, schema: str | None = None) -> Iterator[Sql]:
    """COMMENT statements: the model's docstring and the fields' descriptions."""
    for column, text in descriptions(table).items():
        what = (
            Sql("COLUMN {}.{}").format(qualified(table, schema), ident(column))
            if column
            else Sql("TABLE {}").format(qualified(table, schema))
        )
        yield Sql("COMMENT ON {} IS {}").format(what, literal(text))


def descriptions(table: Table) -> dict[str, str]:
    """The comments by column; the table's own under ""."""
    texts = {"": table.description} | {column.name: column.description for column in table.columns}
    return {column: text for column, text in texts.items() if text}


def row_text_sql(table: Table, alias: str = "") -> Sql:
    """The SQL expression of a row's text, as ``dataforge.records.validate.row_text`` writes it."""
    prefix = Sql("{}.").format(ident(alias)) if alias else Sql("")
    return Sql("ROW({})::text").format(Sql(", ").join(prefix + ident(c) for c in table.column_names))


def row_hash_sql(table: Table, alias: str = "") -> Sql:
    """The SQL expression of a row's hash, equal to ``dataforge.records.validate.row_hash``.

    Before PostgreSQL 18 bytea cannot be cast to a number.
    """
    return Sql("('x' || left(md5({}), 16))::bit(64)::bigint").format(row_text_sql(table, alias))


def dataset_statements(dataset: Dataset) -> Iterator[Sql]:
    """All DDL of a dataset for an empty database, in the order of execution."""
    yield Sql("CREATE SCHEMA IF NOT EXISTS {}").format(ident(dataset.name))
    for wave in dataset.waves():
        for table in map(dataset.table, wave):
            yield create_table(table)
            circular = {key.name for key in table.foreign_keys if key.deferrable}
            for name, definition in constraints(table):
                if name not in circular:
                    yield add_constraint(table, name, definition)
            yield from (statement for _, statement in index_statements(table))
            yield from comments(table)
        for table in map(dataset.table, wave):
            for key in table.foreign_keys:
                if key.deferrable:
                    yield add_constraint(table, key.name, foreign_key(key, dataset.name))


def add_constraint(table: Table, name: str, definition: Sql, schema: str | None = None) -> Sql:
    """ALTER TABLE … ADD CONSTRAINT."""
    return Sql("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
        qualified(table, schema), ident(name), definition
    )


def fingerprint(datasets: Iterable[Dataset] = DATASETS.values()) -> str:
    """SHA-256 of the DDL of all objects. It changes exactly when a deployment must apply the schema."""
    lines = [*INTERNAL, *LOGINS, *ROLE_SQL, *sorted(" ".join(grant) for grant in table_grants())]
    for dataset in datasets:
        lines += dataset_statements(dataset)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
