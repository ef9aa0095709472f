"""The interface of a column type, and what most types have in common.

A type's instance stands in a field's annotation: ``day: Annotated[date, DATE]``. pydantic then validates with ``parse``.
``text`` is the canonical text of a value: PostgreSQL's own output under the session's pinned settings. It goes into COPY and
into the row hash, so Python and PostgreSQL agree on it to the byte (tests/postgres/test_types.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]


class ColumnType(ABC):
    """One kind of column.

    ``name``: the kind, without length or precision. ``python``: the class of its values. ``quoted``: whether its canonical
    text may need quotes in a row's text. ``athena``: the type's name in Athena.
    """

    name: ClassVar[str]
    python: ClassVar[type]
    quoted: ClassVar[bool] = False

    @property
    def sql(self) -> str:
        """The PostgreSQL type, as DDL writes it."""
        return self.name

    @property
    def catalog(self) -> str:
        """The PostgreSQL type, as ``format_type`` prints it."""
        return self.sql

    @property
    def athena(self) -> str:
        """Athena's type of the Parquet column."""
        return self.name

    @property
    def compared_as(self) -> str:
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

    def checks(self, name: str, *, lower: bool, upper: bool) -> Iterator[str]:  # noqa: ARG002
        """SQL conditions on the quoted column ``name`` against values that PostgreSQL's type has and this one refuses.

        ``lower`` and ``upper``: whether the column declares a bound, which says the same already.
        """
        return iter(())

    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of a value as the API delivers it."""

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
        import pyarrow as pa

        encoded = values.dictionary_encode()
        texts = pa.array([self.text(self.from_arrow(v)) for v in encoded.dictionary.to_pylist()], pa.string())
        return texts.take(encoded.indices)

    def from_arrow(self, value: Any) -> Any:
        """The value for the Python value that Arrow gives."""
        return value

    def binary(self, values: pa.Array) -> Bytes | None:  # noqa: ARG002
        """The values in PostgreSQL's binary format, all of one width (rows, bytes); None: the type is copied as text."""
        return None

    def core(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema that a parsed value must have."""
        return handler(source)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.parse, self.core(source, handler))
