"""All column types, and the type that a stored SQL name stands for."""

from __future__ import annotations

import re

from dataforge.tables.types.arrays import Array
from dataforge.tables.types.base import ColumnType
from dataforge.tables.types.documents import BOOLEAN, BYTEA, JSONB, UUID
from dataforge.tables.types.floats import DOUBLE, REAL
from dataforge.tables.types.interval import INTERVAL
from dataforge.tables.types.numbers import BIGINT, INTEGER, SMALLINT, Numeric
from dataforge.tables.types.text import COLLATION, TEXT, Text
from dataforge.tables.types.times import DATE, TIME, TIMESTAMP, TIMESTAMPTZ

PLAIN: tuple[ColumnType, ...] = (
    *(SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, BOOLEAN, TEXT, DATE, TIME, TIMESTAMP, TIMESTAMPTZ),
    *(INTERVAL, UUID, JSONB, BYTEA),
)
"""The types without parameters."""

_BY_SQL = {str(kind.sql): kind for kind in PLAIN}
_NUMERIC = re.compile(r"numeric(?:\((\d+),(\d+)\))?")
_VARCHAR = re.compile(rf"varchar\((\d+)\){re.escape(COLLATION)}")


def column_type(sql: str) -> ColumnType:
    """The type of this ``sql``, which may come from an old manifest. Raises ``KeyError`` for an unknown one."""
    if sql in _BY_SQL:
        return _BY_SQL[sql]
    bare = sql.replace("[]", "", 1)
    if bare != sql:
        return Array(column_type(bare))
    if match := _NUMERIC.fullmatch(sql):
        return Numeric() if match[1] is None else Numeric(int(match[1]), int(match[2]))
    if match := _VARCHAR.fullmatch(sql):
        return Text(int(match[1]))
    raise KeyError(sql)
