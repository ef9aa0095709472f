"""Types of columns in SQL as declared types."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from sqlglot import exp

from dataforge import (
    BOOLEAN,
    BYTEA,
    DATE,
    JSONB,
    REAL,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
    ArrayOf,
    BigInt,
    Boolean,
    Bytes,
    Clean,
    Date,
    Double,
    Integer,
    Interval,
    Json,
    Numeric,
    Real,
    SmallInt,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    VarChar,
)
from dataforge.tables.types.base import ColumnType
from dataforge.tables.types.floats import DOUBLE
from dataforge.tables.types.interval import INTERVAL
from dataforge.tables.types.numbers import BIGINT, INTEGER, SMALLINT
from discovery.types.declared import Declared, literal

_MONEY = Declared("Annotated[Decimal, Numeric(19, 4)]", Annotated[Decimal, Numeric(19, 4)])
_UNSIGNED = Declared("Annotated[Decimal, Numeric(20)]", Annotated[Decimal, Numeric(20)])
_SMALL, _INTEGER, _BIG = (
    Declared("SmallInt", SmallInt),
    Declared("Integer", Integer),
    Declared("BigInt", BigInt),
)
_TEXT = Declared("Text", Text)
_TIMESTAMP, _TIMESTAMP_TZ = Declared("Timestamp", Timestamp), Declared("TimestampTz", TimestampTz)
_BYTES = Declared("Bytes", Bytes)
_SIMPLE = {
    **dict.fromkeys(("MONEY", "SMALLMONEY"), _MONEY),
    "UBIGINT": _UNSIGNED,
    **dict.fromkeys(("TINYINT", "UTINYINT", "SMALLINT", "SMALLSERIAL", "YEAR"), _SMALL),
    **dict.fromkeys(("INT", "MEDIUMINT", "UMEDIUMINT", "USMALLINT", "SERIAL"), _INTEGER),
    **dict.fromkeys(("BIGINT", "UINT", "BIGSERIAL"), _BIG),
    **dict.fromkeys(("TEXT", "LONGTEXT", "MEDIUMTEXT", "TINYTEXT", "XML", "INET", "NAME"), _TEXT),
    **dict.fromkeys(
        ("TIMESTAMP", "TIMESTAMPNTZ", "DATETIME", "DATETIME2", "SMALLDATETIME", "TIMESTAMP_S"), _TIMESTAMP
    ),
    **dict.fromkeys(("TIMESTAMPTZ", "TIMESTAMPLTZ", "DATETIMEOFFSET"), _TIMESTAMP_TZ),
    **dict.fromkeys(
        ("BLOB", "LONGBLOB", "MEDIUMBLOB", "TINYBLOB", "VARBINARY", "BINARY", "IMAGE", "BYTEA"), _BYTES
    ),
    **dict.fromkeys(("JSON", "JSONB"), Declared("Json", Json)),
    "BOOLEAN": Declared("Boolean", Boolean),
    "DATE": Declared("Date", Date),
    "TIME": Declared("Time", Time),
    "INTERVAL": Declared("Interval", Interval),
    "UUID": Declared("Uuid", Uuid),
    "FLOAT": Declared("Real", Real),
    "DOUBLE": Declared("Double", Double),
}
_ELEMENTS: dict[str, tuple[str, ColumnType]] = {
    "SMALLINT": ("SMALLINT", SMALLINT),
    "INT": ("INTEGER", INTEGER),
    "BIGINT": ("BIGINT", BIGINT),
    "FLOAT": ("REAL", REAL),
    "DOUBLE": ("DOUBLE", DOUBLE),
    "BOOLEAN": ("BOOLEAN", BOOLEAN),
    "TEXT": ("TEXT", TEXT),
    "VARCHAR": ("TEXT", TEXT),
    "DATE": ("DATE", DATE),
    "TIME": ("TIME", TIME),
    "TIMESTAMP": ("TIMESTAMP", TIMESTAMP),
    "TIMESTAMPTZ": ("TIMESTAMPTZ", TIMESTAMPTZ),
    "INTERVAL": ("INTERVAL", INTERVAL),
    "UUID": ("UUID", UUID),
    "JSONB": ("JSONB", JSONB),
    "BINARY": ("BYTEA", BYTEA),
    "VARBINARY": ("BYTEA", BYTEA),
}
_LONGEST_VARCHAR = 10_485_760
"""PostgreSQL's limit."""


def declared_type(kind: exp.DataType, dialect: str, enums: dict[str, tuple[str, ...]]) -> Declared | None:
    """The declared type of an SQL type; None if it is none that Data Forge has. ``enums``: those that the file creates."""
    name = kind.this.name if isinstance(kind.this, exp.DataType.Type) else str(kind.this)
    if name == "USERDEFINED":
        choices = enums.get(str(kind.args.get("kind") or "").split(".")[-1].strip('"').lower())
        return literal(choices) if choices else None
    if (of_dialect := _of_dialect(name, dialect)) is not _NOT_SPECIAL:
        return of_dialect
    sizes = _sizes(kind)
    match name:
        case "CHAR" | "NCHAR" | "VARCHAR" | "NVARCHAR" | "BPCHAR":
            return _text(sizes, padded=name in {"CHAR", "NCHAR", "BPCHAR"})
        case "DECIMAL" | "UDECIMAL" | "DECIMAL32" | "DECIMAL64" | "DECIMAL128" | "BIGDECIMAL":
            return _decimal(sizes, dialect)
        case "ENUM":
            return literal(dict.fromkeys(str(e.name) for e in kind.expressions))
        case "ARRAY":
            return _array(kind)
        case "BIT" | "TINYINT" if sizes == [1] or (name == "BIT" and not sizes):
            return _SIMPLE["BOOLEAN"]
        case "FLOAT":
            return _float(sizes, dialect)
    return _SIMPLE.get(name)


_NOT_SPECIAL = Declared("", None)


def _of_dialect(name: str, dialect: str) -> Declared | None:
    """The type that a name has in one program only."""
    match name, dialect:
        case "DATE", "oracle":
            # Oracle's DATE has a time, which the values may lack.
            return None
        case "TIMESTAMPTZ", "mysql":
            # MySQL writes a TIMESTAMP without its zone.
            return _TIMESTAMP
        case "INT", "sqlite":
            return _BIG
    return _NOT_SPECIAL


def _sizes(kind: exp.DataType) -> list[int]:
    return [
        int(part.this.name)
        for part in kind.expressions
        if isinstance(part, exp.DataTypeParam) and str(part.this.name).isdigit()
    ]


def _text(sizes: list[int], *, padded: bool) -> Declared:
    """A text of limited length. CHAR pads its values with blanks, which are removed."""
    if not sizes or not 0 < sizes[0] <= _LONGEST_VARCHAR:
        return _TEXT
    return varchar(sizes[0], (Clean(),) if padded else ())


def varchar(length: int, markers: tuple[Clean, ...] = ()) -> Declared:
    """``varchar(length)``."""
    return Declared(f"Annotated[str, VarChar({length})]", Annotated[str, VarChar(length)], markers)


def _decimal(sizes: list[int], dialect: str) -> Declared | None:
    if not sizes:
        # NUMBER and SQLite's NUMERIC hold any number; the values decide.
        return None if dialect in {"oracle", "sqlite"} else numeric()
    precision, scale = sizes[0], sizes[1] if len(sizes) > 1 else 0
    if dialect == "oracle" and not scale and precision <= 18:
        return _INTEGER if precision <= 9 else _BIG
    return numeric(precision, scale) if 0 <= scale <= precision <= 1000 and precision else None


def numeric(precision: int | None = None, scale: int = 0) -> Declared:
    """``numeric(precision, scale)``."""
    if precision is None:
        return Declared("Annotated[Decimal, Numeric()]", Annotated[Decimal, Numeric()])
    arguments = f"{precision}, {scale}" if scale else str(precision)
    return Declared(
        f"Annotated[Decimal, Numeric({arguments})]", Annotated[Decimal, Numeric(precision, scale)]
    )


def _float(sizes: list[int], dialect: str) -> Declared:
    """FLOAT has 64 bits in SQL Server and SQLite; elsewhere with more than 24 binary digits."""
    double = (sizes and sizes[0] > 24) or (not sizes and dialect in {"tsql", "sqlite", "oracle"})
    return _SIMPLE["DOUBLE" if double else "FLOAT"]


def _array(kind: exp.DataType) -> Declared | None:
    inner = kind.expressions[0] if kind.expressions else None
    if not isinstance(inner, exp.DataType) or not isinstance(inner.this, exp.DataType.Type):
        return None
    element = _ELEMENTS.get(inner.this.name)
    if inner.this.name == "DECIMAL" and len(sizes := _sizes(inner)) == 2:
        element = (f"Numeric({sizes[0]}, {sizes[1]})", Numeric(*sizes))
    if element is None:
        return None
    source, of = element
    return Declared(f"Annotated[tuple, ArrayOf({source})]", Annotated[tuple, ArrayOf(of)])
