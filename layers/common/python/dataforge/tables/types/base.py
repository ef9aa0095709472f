"""The interface of a column type, and what most types have in common.

A type's instance is part of a field's annotation: ``day: Annotated[date, DATE]``. pydantic then validates with ``parse``.
``text`` is the canonical text of a value: PostgreSQL's own output under the session's pinned settings. COPY and the row hash
use it, so Python and PostgreSQL must write the same bytes (tests/postgres/test_types.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from dataforge.postgres.sql import Sql, from_catalog

if TYPE_CHECKING:
    import pyarrow as pa

    from dataforge.bulk.binary_fields import Bytes


class ColumnType(ABC):
    """One kind of column.

    ``name``: the kind, without length or precision. ``python``: the class of its values. ``quoting``: whether its canonical
    text needs quotes in a row's text. ``oid``: PostgreSQL's number of the type. ``order``: table checks order values as
    Python orders their ``sort_key``, or as their canonical texts sort by bytes, or not at all.
    """

    name: ClassVar[str]
    python: ClassVar[type]
    oid: ClassVar[int]
    quoting: ClassVar[Literal["never", "always", "sometimes"]] = "never"
    order: ClassVar[Literal["value", "text", "none"]] = "value"

    @property
    def sql(self) -> Sql:
        """The PostgreSQL type, as DDL writes it."""
        return from_catalog(self.name)

    @property
    def catalog(self) -> Sql:
        """The PostgreSQL type, as ``format_type`` prints it."""
        return self.sql

    @property
    def athena(self) -> str:
        """Athena's type of the Parquet column."""
        return self.name

    @property
    def compared_as(self) -> Sql:
        """The PostgreSQL type that a filter's value is cast to: wide enough for every value that a caller may send."""
        return self.catalog

    @abstractmethod
    def parse(self, value: Any) -> Any:
        """The value that a JSON value or a text from a file stands for. Raises pydantic's errors."""

    @abstractmethod
    def text(self, value: Any) -> str:
        """The canonical text of a value."""

    def equality(self, value: Any) -> str:
        """A text that two values share exactly if PostgreSQL holds them equal."""
        return self.text(value)

    def sort_key(self, value: Any) -> Any:
        """The Python value that compares as PostgreSQL compares the value."""
        return value

    def checks(self, name: Sql, *, lower: bool, upper: bool) -> Iterator[Sql]:  # noqa: ARG002
        """SQL conditions on the quoted column ``name`` that exclude values of PostgreSQL's type which this class refuses.

        ``lower`` and ``upper``: whether the column declares a bound, which may imply the condition.
        """
        return iter(())

    def identity(self, value: Sql) -> Sql:
        """The SQL expression that is equal exactly for values of the same canonical text."""
        return value

    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of a value as the API delivers it."""

    @property
    def note(self) -> str:
        """A constraint that JSON Schema cannot express."""
        return ""

    @abstractmethod
    def sample(self) -> Any:
        """A value as JSON, for examples in documentation."""

    @abstractmethod
    def arrow(self) -> pa.DataType:
        """The type in Arrow, and so in Parquet."""

    def from_texts(self, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        """The values that PostgreSQL's texts stand for."""
        import pyarrow.compute as pc

        return pc.cast(texts, self.arrow())

    def texts(self, values: pa.Array) -> pa.Array:
        """The canonical text of each value; null stays null."""
        from dataforge.bulk.row_texts import texts_one_by_one

        return texts_one_by_one(self, values)

    def from_arrow(self, value: Any) -> Any:
        """The value for the Python value that Arrow gives."""
        return value

    @abstractmethod
    def binary(self, values: pa.Array) -> Bytes | pa.Array:
        """The values in PostgreSQL's binary format: of one width (rows, bytes), NULL too, or as binaries of any width."""

    def core(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema that a parsed value must have."""
        return handler(source)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.parse, self.core(source, handler))
