"""Row models: one subclass of ``Row`` declares one table."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from dataforge.errors.nearest import did_you_mean
from dataforge.formats.dialect import Csv
from dataforge.formats.json_lines import JsonLines
from dataforge.tables.checks import Check, Present
from dataforge.tables.columns import References


@dataclass(frozen=True)
class Evolution:
    """Permitted changes of a table with rows: its former name, and the columns that may be dropped or narrowed."""

    renamed: str = ""
    removed: tuple[str, ...] = ()
    narrowed: tuple[str, ...] = ()


class Row(BaseModel):
    """Base class of row models: one subclass declares one table.

    ::

        class Order(Row, table="orders", file="orders.csv"):
            order_id: Annotated[HexId, Key()]
            customer_id: Annotated[HexId, References("customers")]
            comment: Text | None = None

    ``table``: the name of the table. ``file``: the name of its file below a migration's prefix; None if the rows come from a
    ``Source`` of several tables. If no column is a ``Key``, all copies of a row are stored; ``distinct=True`` declares that
    identical rows are one row. Files may be in folders named ``key=value``, which fill the column ``key``;
    ``ignore_partitions`` names keys that are not columns. ``ignore`` names columns of files that the table does not have.

    For changes of tables with rows: ``renamed`` is the table's former name, ``removed`` names columns that a deployment may
    drop, ``narrowed`` columns whose type a deployment may convert to one with fewer values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    __table_name__: ClassVar[str] = ""
    __file_name__: ClassVar[str | None] = None
    __ignored_partitions__: ClassVar[tuple[str, ...]] = ()
    __dialect__: ClassVar[Csv | JsonLines | None] = None
    __evolution__: ClassVar[Evolution]
    __ignored_headers__: ClassVar[tuple[str, ...]] = ()
    __references__: ClassVar[tuple[References, ...]] = ()
    __unique__: ClassVar[tuple[tuple[str, ...], ...]] = ()
    __distinct__: ClassVar[bool] = False
    __checks__: ClassVar[tuple[Check | Present, ...]] = ()

    def __init_subclass__(
        cls,
        table: str = "",
        file: str | None = None,
        ignore_partitions: str | Iterable[str] = (),
        format: Csv | JsonLines | None = None,  # noqa: A002  the word that a dataset's author expects
        renamed: str = "",
        removed: str | Iterable[str] = (),
        narrowed: str | Iterable[str] = (),
        ignore: str | Iterable[str] = (),
        references: References | Iterable[References] = (),
        unique: Iterable[str | Iterable[str]] = (),
        distinct: bool = False,
        checks: Check | Present | Iterable[Check | Present] = (),
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(_unknown_options(cls.__name__, kwargs))
        super().__init_subclass__()
        if {type(table), type(file)} - {str, type(None)}:
            raise TypeError(f"table and file of the class {cls.__name__} are names; write them in quotes")
        cls.__table_name__, cls.__file_name__, cls.__dialect__ = table, file, format
        cls.__ignored_partitions__, cls.__ignored_headers__ = _names(ignore_partitions), _names(ignore)
        cls.__evolution__ = Evolution(renamed, _names(removed), _names(narrowed))
        cls.__references__ = _references(cls.__name__, references)
        cls.__unique__ = _unique(cls.__name__, unique)
        cls.__distinct__ = distinct
        cls.__checks__ = (checks,) if isinstance(checks, Check | Present) else tuple(checks)


def _unknown_options(name: str, given: Iterable[str]) -> str:
    """The error for options of a class that ``Row`` does not have."""
    known = [*inspect.signature(Row.__init_subclass__).parameters][:-1]
    wrong = "; ".join(f"{option!r}{did_you_mean(option, known)}" for option in given)
    return f"class {name}(Row, …) has the unknown option {wrong}; these are: {', '.join(known)}"


def _names(names: str | Iterable[str]) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return (names,) if isinstance(names, str) else tuple(names)


def _references(name: str, declared: References | Iterable[References]) -> tuple[References, ...]:
    found = (declared,) if isinstance(declared, References) else tuple(declared)
    for reference in found:
        if not isinstance(reference, References):
            raise TypeError(f"references of the class {name} must be References(…), not {reference!r}")
    return found


def _unique(name: str, declared: Iterable[str | Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    if isinstance(declared, str):
        raise TypeError(f"unique of the class {name} is a tuple of tuples; write unique=(({declared!r},),)")
    return tuple((columns,) if isinstance(columns, str) else tuple(columns) for columns in declared)
