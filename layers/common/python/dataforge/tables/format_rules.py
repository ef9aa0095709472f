"""Refuse formats that have no effect."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from dataforge.formats.dialect import Csv
from dataforge.formats.json_lines import JsonLines
from dataforge.tables.catalogue import Source, Table
from dataforge.tables.value_formats import Format

_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double")
_DAYS = ("date", "timestamp", "timestamptz")
_KINDS = {
    "dates": (*_DAYS, "time", "interval"),
    "epoch": (*_DAYS, "interval"),
    **dict.fromkeys(("decimal", "thousands", "symbols", "minus"), _NUMBERS),
    "separator": ("array",),
    "base64": ("bytea",),
    **dict.fromkeys(("true", "false"), ("boolean",)),
}
"""The types that each option applies to; ``null`` applies to all."""
_STANDARD = Format()


def refuse_ineffective(name: str, kind: str, declared: Format) -> None:
    """Raises ``ValueError`` for an option of a column's own format that its type does not have."""
    for option, kinds in _KINDS.items():
        if getattr(declared, option) != getattr(_STANDARD, option) and kind not in kinds:
            raise ValueError(
                f"column {name} is {kind}, and Format({option}=…) applies to {', '.join(kinds)} only; "
                "declare one of these types, or remove the option"
            )


def refuse_unused(module: ModuleType, tables: Iterable[Table], sources: Iterable[Source]) -> None:
    """Raises ``ValueError`` for a format of the module that is neither its own nor one of a table or column."""
    own = (getattr(module, "FORMAT", None), getattr(module, "VALUE_FORMAT", None))
    of_tables = [table.model.__dialect__ for table in tables]
    of_columns = [column.format for table in tables for column in table.columns]
    used = (*own, *of_tables, *of_columns, *(source.dialect for source in sources))
    for name, value in vars(module).items():
        if isinstance(value, Csv | JsonLines | Format) and value not in used:
            word = "VALUE_FORMAT" if isinstance(value, Format) else "FORMAT"
            raise ValueError(f"{name} is not used; name it {word}, or use it in a class")
