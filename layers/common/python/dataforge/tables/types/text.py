"""Texts: ``text`` and ``varchar``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import PydanticKnownError

from dataforge.postgres.sql import Sql
from dataforge.tables.types.base import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

COLLATION = Sql(' COLLATE "C"')
"""How texts are sorted: by their bytes, on every server."""


@dataclass(frozen=True)
class Text(ColumnType):
    """``text``, or with a length ``varchar(length)``: every character but NUL."""

    length: int | None = None
    name: ClassVar[str] = "text"
    oid: ClassVar[int] = 25
    order = "text"
    python = str
    quoting = "sometimes"

    @property
    def sql(self) -> Sql:
        return (Sql("text") if self.length is None else Sql("varchar({})").format(self.length)) + COLLATION

    @property
    def catalog(self) -> Sql:
        return Sql("text") if self.length is None else Sql("character varying({})").format(self.length)

    @property
    def athena(self) -> str:
        return "string"

    @property
    def compared_as(self) -> Sql:
        return Sql("text")

    def parse(self, value: Any) -> str:
        if not isinstance(value, str):
            raise PydanticKnownError("string_type")
        if not _is_unicode(value):
            raise PydanticKnownError("string_unicode")
        if "\0" in value:
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": r"^[^\x00]*$"})
        if self.length is not None and len(value) > self.length:
            raise PydanticKnownError("string_too_long", {"max_length": self.length})
        return value

    def text(self, value: str) -> str:
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string"} | ({} if self.length is None else {"maxLength": self.length})

    def sample(self) -> Any:
        return "example"[: self.length]

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.string()

    def texts(self, values: pa.Array) -> pa.Array:
        return values

    def binary(self, values: pa.Array) -> pa.Array:
        import pyarrow as pa

        return values.cast(pa.binary())


def _is_unicode(text: str) -> bool:
    """Whether no character is half of a surrogate pair, as a JSON string may have one by an escape."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


TEXT = Text()
