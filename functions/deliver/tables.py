"""Describe tables: their declaration, row count and last quality."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dataforge.postgres.ddl import qualified
from dataforge.postgres.sql import Sql, literal
from dataforge.postgres.visible_rows import require_sound
from dataforge.tables.catalogue import Column, Dataset, Table
from dataforge.tables.json_schema import row_schema
from functions.deliver.quality.last_quality import LastQuality, last_qualities

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


COUNTED_BYTES = 512 * 2**20
"""Tables up to this size are counted. For larger ones, whose count takes seconds, PostgreSQL's estimate is returned."""

_SIZES = """
    SELECT relname, reltuples::bigint FROM pg_class
    WHERE oid = ANY (%s::text[]::regclass[]) AND reltuples >= 0 AND pg_relation_size(oid) > %s
"""


def describe_tables(cursor: Cursor, dataset: Dataset, names: Iterable[str]) -> list[dict[str, Any]]:
    """One document for each table in ``names``."""
    tables = [dataset.table(name) for name in names]
    require_sound(cursor, tables)
    estimates = _estimates(cursor, tables)
    counts = _count(cursor, [table for table in tables if table.name not in estimates])
    qualities = last_qualities(cursor, dataset.name)
    return [
        _describe(table, qualities.get(table.name, LastQuality()))
        | {"row_count": (counts | estimates)[table.name], "row_count_exact": table.name in counts}
        for table in tables
    ]


def _estimates(cursor: Cursor, tables: list[Table]) -> dict[str, int]:
    cursor.execute(_SIZES, [[qualified(table) for table in tables], COUNTED_BYTES])
    return dict(cursor.fetchall())


def _count(cursor: Cursor, tables: list[Table]) -> dict[str, int]:
    if not tables:
        return {}
    cursor.execute(
        Sql(" UNION ALL ").join(
            Sql("SELECT {}, count(*) FROM {}").format(literal(table.name), qualified(table))
            for table in tables
        )
    )
    return dict(cursor.fetchall())


def _describe(table: Table, quality: LastQuality) -> dict[str, Any]:
    return {
        "name": table.name,
        "dataset": table.dataset,
        "description": table.description,
        "key": list(table.key),
        "foreign_keys": [
            {
                "column": key.column,
                "table": key.parent,
                "references": key.parent_columns[0] if key.column else None,
                "columns": list(key.columns),
                "parent_columns": list(key.parent_columns),
                "enforced": key.enforced,
            }
            for key in table.references
        ],
        "columns": [_describe_column(column) for column in table.columns],
        "json_schema": row_schema(table),
        "quality": None if quality.score is None else float(quality.score),
        "quality_threshold": float(quality.threshold),
        "migration_id": quality.migration_id,
    }


def _describe_column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type.catalog,
        "nullable": column.nullable,
        "description": column.description,
    }
