"""Arrays of one dimension."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from dataforge.postgres.sql import Sql, from_catalog
from dataforge.tables.types.base import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

_ITEM = re.compile(
    r'\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^",{}\\\s]|\\.)(?:[^",{}\\]|\\.)*?))\s*(?=[,}])', re.DOTALL | re.ASCII
)
_BLANK = " \t\n\r\v\f"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL | re.ASCII)
_QUOTED = re.compile(r'[\s\v",{}\\]|^$|^null$', re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Array(ColumnType):
    """An array of another type: a JSON array, or PostgreSQL's text ``{a,"b c",NULL}``."""

    item: ColumnType
    name: ClassVar[str] = "array"
    oid: ClassVar[int] = 2277
    order = "none"
    python = tuple
    quoting = "sometimes"

    @property
    def sql(self) -> Sql:
        bare, mark, collation = self.item.sql.partition(" COLLATE ")
        return from_catalog(f"{bare}[]{mark}{collation}")

    @property
    def catalog(self) -> Sql:
        return Sql("{}[]").format(self.item.catalog)

    @property
    def athena(self) -> str:
        return f"array<{self.item.athena}>"

    def parse(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str):
            value = _from_text(value)
        if not isinstance(value, list | tuple):
            raise PydanticKnownError("list_type")
        return tuple(None if item is None else self.item.parse(item) for item in value)

    def text(self, value: tuple[Any, ...]) -> str:
        return "{" + ",".join("NULL" if v is None else _quote(self.item.text(v)) for v in value) + "}"

    def equality(self, value: tuple[Any, ...]) -> str:
        return json.dumps([None if item is None else self.item.equality(item) for item in value])

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"anyOf": [self.item.json_schema(), {"type": "null"}]}}

    def sample(self) -> Any:
        return [self.item.sample()]

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.list_(self.item.arrow())

    def from_arrow(self, value: list[Any]) -> tuple[Any, ...]:
        return tuple(None if item is None else self.item.parse(item) for item in value)

    def from_texts(self, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        import pyarrow as pa

        flat: list[str | None] = []
        offsets: list[int | None] = [0]
        for text in texts.to_pylist():
            flat += [] if text is None else _from_text(text)
            offsets.append(len(flat))
        values = self.item.from_texts(pa.chunked_array([pa.array(flat, pa.string())])).combine_chunks()
        mask = pa.array([text is None for text in texts.to_pylist()], pa.bool_())
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=self.arrow(), mask=mask)
        return pa.chunked_array([lists])

    def texts(self, values: pa.Array) -> pa.Array:
        import pyarrow as pa

        items = self.item.texts(values.flatten()).to_pylist()
        texts: list[str | None] = []
        start = 0
        for length in values.value_lengths().to_pylist():
            if length is None:
                texts.append(None)
                continue
            part = items[start : start + length]
            texts.append("{" + ",".join("NULL" if t is None else _quote(t) for t in part) + "}")
            start += length
        return pa.array(texts, pa.string())

    def identity(self, value: Sql) -> Sql:
        return Sql("{}::text").format(value)

    def binary(self, values: pa.Array) -> pa.Array:
        import pyarrow as pa

        from dataforge.bulk.binary_fields import array, fixed_array

        items = self.item.binary(values.flatten())
        sent = (items if isinstance(items, pa.Array) else fixed_array(items)).to_pylist()
        valid = values.flatten().is_valid().to_pylist()
        sent = [item if known else None for item, known in zip(sent, valid, strict=True)]
        arrays: list[bytes | None] = []
        start = 0
        for length in values.value_lengths().to_pylist():
            arrays.append(None if length is None else array(self.item.oid, sent[start : start + length]))
            start += length or 0
        return pa.array(arrays, pa.binary())

    def core(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ARG002
        return core_schema.is_instance_schema(tuple)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if _QUOTED.search(text) else text


def _from_text(text: str) -> list[Any]:
    """The items of a JSON array, or of PostgreSQL's text of an array of one dimension."""
    text = text.strip(_BLANK)
    if text.startswith("["):
        try:
            return list(json.loads(text, parse_float=str))
        except ValueError:
            raise _wrong() from None
    if not (text.startswith("{") and text.endswith("}")):
        raise _wrong()
    items: list[str | None] = []
    position = 1
    while position < len(text) and text[position:].strip(_BLANK) != "}":
        match = _ITEM.match(text, position)
        if match is None:
            raise _wrong()
        quoted, plain = match.groups()
        null = plain is not None and plain.upper() == "NULL"
        items.append(None if null else _ESCAPED.sub(r"\1", plain if quoted is None else quoted))
        position = match.end()
        if text[position] == ",":
            position += 1
            if text[position:].strip(_BLANK) == "}":
                raise _wrong()
    return items


def _wrong() -> PydanticCustomError:
    return PydanticCustomError("array_parsing", 'Input should be an array, as ["a", "b"] or {{a,b}}')
