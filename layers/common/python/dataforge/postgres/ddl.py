"""DDL, derived from the catalogue. Plain text and pure: the CDK app imports it for the schema's fingerprint.

Identifiers come from the catalogue, which admits only ``[a-z0-9_]``; they are quoted all the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from dataforge.postgres.roles import LOGINS, ROLE_SQL, table_grants
from dataforge.runs.ledger_tables import INTERNAL
from dataforge.tables.catalogue import Column, Dataset, ForeignKey, Table
from dataforge.tables.columns import Digest
from dataforge.tables.datasets import DATASETS

_REPEATED = re.compile(r"\^\[([^]\\^][^]\\]*)\]\{(\d+)\}\$")
"""A pattern that is one class of characters, some number of times."""


def ident(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted string literal (standard_conforming_strings is on)."""
    return "'" + text.replace("'", "''") + "'"


def qualified(table: Table, schema: str | None = None) -> str:
    """``"schema"."table"``, by default in the dataset's own schema."""
    return f"{ident(schema or table.dataset)}.{ident(table.name)}"


def columns_sql(table: Table) -> str:
    """The table's columns, quoted, in order."""
    return ", ".join(map(ident, table.column_names))


def column_sql(column: Column) -> str:
    """One column as it stands in CREATE TABLE."""
    return f"{ident(column.name)} {column.type.sql}{'' if column.nullable else ' NOT NULL'}"


def create_table(table: Table, schema: str | None = None, extra: str = "") -> str:
    """CREATE TABLE with types and NOT NULL, without keys and checks. ``extra`` is a further column definition."""
    columns = [column_sql(column) for column in table.columns] + ([extra] if extra else [])
    return f"CREATE TABLE {qualified(table, schema)} ({', '.join(columns)})"


def primary_key(table: Table) -> tuple[str, str]:
    """The primary key's name and definition."""
    return f"{table.name}_pkey", f"PRIMARY KEY ({', '.join(map(ident, table.key))})"


def foreign_key(key: ForeignKey, parent_schema: str) -> str:
    """A foreign key's definition, with the parent in the given schema."""
    parent = f"{ident(parent_schema)}.{ident(key.parent)}"
    return f"FOREIGN KEY ({ident(key.column)}) REFERENCES {parent} ({ident(key.parent_column)})"


def checks(table: Table) -> Iterator[tuple[str, str]]:
    """Name and definition of each column's CHECK: what the row model demands, in SQL."""
    for column in table.columns:
        terms = list(_terms(column))
        if terms:
            yield f"{table.name}_{column.name}_check", f"CHECK ({' AND '.join(terms)})"


def _terms(column: Column) -> Iterator[str]:
    yield from _declared(column)
    yield from _of_type(column)
    if column.rule.digest is not None:
        yield f"{ident(column.name)} = {_digest(column.rule.digest)}"


def _declared(column: Column) -> Iterator[str]:
    """The constraints that the model states."""
    rule, name = column.rule, ident(column.name)
    if rule.choices:
        yield f"{name} IN ({', '.join(map(literal, rule.choices))})"
    if rule.pattern is not None:
        yield _matches(name, rule.pattern)
    if rule.min_length is not None:
        yield f"char_length({name}) >= {rule.min_length}"
    if rule.max_length is not None:
        yield f"char_length({name}) <= {rule.max_length}"
    if rule.max_bytes is not None:
        yield f"octet_length({name}) <= {rule.max_bytes}"
    if rule.ge is not None and not _type_bound(column, rule.ge):
        yield f"{name} >= {rule.ge}"
    if rule.le is not None and not _type_bound(column, rule.le):
        yield f"{name} <= {rule.le}"


def _matches(name: str, pattern: str) -> str:
    """The condition that a text matches. PostgreSQL takes six times as long for a counted repetition (1.5 µs for an id)."""
    repeated = _REPEATED.fullmatch(pattern)
    if repeated is None:
        return f"{name} ~ {literal(pattern)}"
    return f"char_length({name}) = {repeated[2]} AND {name} !~ {literal(f'[^{repeated[1]}]')}"


def _of_type(column: Column) -> Iterator[str]:
    """Values that PostgreSQL's type has and Python's has not, or Data Forge does not take."""
    rule, name = column.rule, ident(column.name)
    if column.type.name == "double" and (rule.ge is None or rule.le is None):
        yield f"{name} > '-Infinity' AND {name} < 'Infinity'"
    if column.type.name == "numeric" and rule.le is None:
        yield f"{name} <> 'NaN'"
    if column.type.name == "timestamp":
        yield f"{name} >= '0001-01-01' AND {name} < '10000-01-01'"


def _type_bound(column: Column, bound: object) -> bool:
    return column.type.name == "integer" and bound in (-(2**31), 2**31 - 1)


def _digest(digest: Digest) -> str:
    return "md5(" + " || chr(31) || ".join(map(ident, digest.columns)) + ")"


def constraints(table: Table) -> Iterator[tuple[str, str]]:
    """Name and definition of every constraint, foreign keys last."""
    yield primary_key(table)
    yield from checks(table)
    for key in table.foreign_keys:
        yield key.name, foreign_key(key, table.dataset)


def index_statements(table: Table, schema: str | None = None) -> Iterator[tuple[str, str]]:
    """Name and CREATE INDEX of each foreign key that the primary key does not serve: a parent's delete needs it."""
    for key in table.foreign_keys:
        if key.column != table.key[0]:
            name = f"{table.name}_{key.column}_idx"
            yield name, f"CREATE INDEX {ident(name)} ON {qualified(table, schema)} ({ident(key.column)})"


def comments(table: Table, schema: str | None = None) -> Iterator[str]:
    """COMMENT statements: the model's docstring and the fields' descriptions."""
    for column, text in descriptions(table).items():
        what = (
            f"COLUMN {qualified(table, schema)}.{ident(column)}"
            if column
            else f"TABLE {qualified(table, schema)}"
        )
        yield f"COMMENT ON {what} IS {literal(text)}"


def descriptions(table: Table) -> dict[str, str]:
    """The comments by column; the table's own under ""."""
    texts = {"": table.description} | {column.name: column.description for column in table.columns}
    return {column: text for column, text in texts.items() if text}


def row_text_sql(table: Table, alias: str = "") -> str:
    """The SQL expression of a row's text, as ``dataforge.records.validate.row_text`` writes it."""
    prefix = f"{alias}." if alias else ""
    return f"ROW({', '.join(prefix + ident(c) for c in table.column_names)})::text"


def row_hash_sql(table: Table, alias: str = "") -> str:
    """The SQL expression of a row's hash, equal to ``dataforge.records.validate.row_hash``."""
    return f"substr(decode(md5({row_text_sql(table, alias)}), 'hex'), 1, 8)::bigint"


def dataset_statements(dataset: Dataset) -> Iterator[str]:
    """All DDL of a dataset for an empty database, in an order that works."""
    yield f"CREATE SCHEMA IF NOT EXISTS {ident(dataset.name)}"
    for wave in dataset.waves():
        for table in map(dataset.table, wave):
            yield create_table(table)
            for name, definition in constraints(table):
                yield f"ALTER TABLE {qualified(table)} ADD CONSTRAINT {ident(name)} {definition}"
            yield from (statement for _, statement in index_statements(table))
            yield from comments(table)


def fingerprint(datasets: Iterable[Dataset] = DATASETS.values()) -> str:
    """SHA-256 over everything that the schema function would create: it changes exactly when a deploy must act."""
    lines = [*INTERNAL, *LOGINS, *ROLE_SQL, *sorted(table_grants())]
    for dataset in datasets:
        lines += dataset_statements(dataset)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
