"""``jsonb``, ``uuid``, ``bytea`` and ``boolean``."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from dataforge.postgres.sql import Sql
from dataforge.tables.types.base import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

    from dataforge.bulk.binary_fields import Bytes

_BOOLEANS = dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True) | dict.fromkeys(
    ("false", "f", "no", "n", "off", "0"), False
)
_HEX = re.compile(r"(?:\\x|0x)?((?:[0-9a-fA-F]{2})*)")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_DEEPEST = 200


class Boolean(ColumnType):
    """``boolean``."""

    name, python, oid = "boolean", bool, 16

    def parse(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and (known := _BOOLEANS.get(value.lower())) is not None:
            return known
        raise PydanticKnownError("bool_parsing" if isinstance(value, str) else "bool_type")

    def text(self, value: bool) -> str:
        return "t" if value else "f"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def sample(self) -> Any:
        return True

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.bool_()

    def from_texts(self, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        import pyarrow.compute as pc

        return pc.equal(texts, "t")

    def texts(self, values: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.if_else(values, pa.scalar("t"), pa.scalar("f"))

    def binary(self, values: pa.Array) -> Bytes:
        import pyarrow as pa

        from dataforge.bulk.binary_fields import big_endian

        return big_endian(values.cast(pa.uint8()), "u1")


class Uuid(ColumnType):
    """``uuid``: 32 hex digits, with hyphens, in braces, or without either."""

    name, python, oid = "uuid", uuid.UUID, 2950
    order = "text"

    @property
    def athena(self) -> str:
        return "string"

    def parse(self, value: Any) -> uuid.UUID:
        if isinstance(value, uuid.UUID):
            return value
        if not isinstance(value, str):
            raise PydanticKnownError("uuid_type")
        digits = value.replace("-", "").removeprefix("{").removesuffix("}")
        if not re.fullmatch("[0-9a-fA-F]{32}", digits):
            raise PydanticKnownError("uuid_parsing", {"error": "expected 32 hexadecimal digits"})
        return uuid.UUID(digits)

    def text(self, value: uuid.UUID) -> str:
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}

    def sample(self) -> Any:
        return "6f1c2a9b-0d3e-4c5f-8a7b-112233445566"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.string()

    def texts(self, values: pa.Array) -> pa.Array:
        return values

    def binary(self, values: pa.Array) -> pa.Array:
        from dataforge.bulk.binary_fields import one_by_one

        return one_by_one(values, lambda text: uuid.UUID(text).bytes)


class Bytea(ColumnType):
    r"""``bytea``: hexadecimal digits, after ``\x`` as PostgreSQL writes them, after ``0x``, or without either."""

    name, python, oid, quoting = "bytea", bytes, 17, "sometimes"
    order = "text"

    @property
    def athena(self) -> str:
        return "binary"

    def parse(self, value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        if not isinstance(value, str):
            raise PydanticKnownError("bytes_type")
        match = _HEX.fullmatch(value)
        if match is None:
            raise PydanticCustomError("bytes_invalid_hex", "Input should be pairs of hexadecimal digits")
        return bytes.fromhex(match[1])

    def text(self, value: bytes) -> str:
        return "\\x" + value.hex()

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\\x([0-9a-f]{2})*$"}

    def sample(self) -> Any:
        return "\\x00ff"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.binary()

    def from_texts(self, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        import pyarrow as pa

        values = [None if t is None else bytes.fromhex(t[2:]) for t in texts.to_pylist()]
        return pa.chunked_array([pa.array(values, pa.binary())])

    def binary(self, values: pa.Array) -> pa.Array:
        return values


@dataclass(frozen=True)
class Json:
    """A JSON document as ``jsonb`` writes it."""

    text: str


class Jsonb(ColumnType):
    """``jsonb``: a JSON value, or a text that is JSON. A JSON string is sent as a text with its quotes."""

    name, python, oid, quoting = "jsonb", Json, 3802, "sometimes"
    order = "none"

    @property
    def athena(self) -> str:
        return "string"

    def parse(self, value: Any) -> Json:
        if isinstance(value, Json):
            return value
        try:
            document = _load(value) if isinstance(value, str) else value
            return Json(jsonb_text(document))
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, _NotStorable) else "invalid JSON"
            raise PydanticCustomError(
                "json_invalid", "Input should be JSON that PostgreSQL can hold: {reason}", {"reason": reason}
            ) from None

    def text(self, value: Json) -> str:
        return value.text

    def equality(self, value: Json) -> str:
        return jsonb_text(json.loads(value.text, parse_float=Decimal, parse_int=Decimal), exact=False)

    def json_schema(self) -> dict[str, Any]:
        return {}

    def sample(self) -> Any:
        return {"note": "example"}

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.string()

    def texts(self, values: pa.Array) -> pa.Array:
        return values

    def identity(self, value: Sql) -> Sql:
        return Sql("{}::text").format(value)

    def binary(self, values: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        # The version of the format, 1, comes before the text.
        return pc.binary_join_element_wise(pa.scalar(b"\x01"), values.cast(pa.binary()), pa.scalar(b""))

    def core(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ARG002
        return core_schema.is_instance_schema(Json)


class _NotStorable(ValueError):
    """JSON that ``jsonb`` refuses."""


def _load(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise _NotStorable(f"{name} is not JSON")


def jsonb_text(value: Any, *, exact: bool = True, depth: int = 0) -> str:
    """The value as ``jsonb`` prints it: keys by length and bytes, the last of equal keys, numbers as ``numeric``.

    ``exact=False``: numbers without zeros at their end, so that equal documents have equal texts.
    """
    if depth > _DEEPEST:
        raise _NotStorable(f"nested deeper than {_DEEPEST}")
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case int() | float() | Decimal():
            return _number(Decimal(str(value)), exact=exact)
        case dict():
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            items = (
                f"{_string(key)}: {jsonb_text(value[key], exact=exact, depth=depth + 1)}" for key in keys
            )
            return "{" + ", ".join(items) + "}"
        case list() | tuple():
            return "[" + ", ".join(jsonb_text(item, exact=exact, depth=depth + 1) for item in value) + "]"
    raise _NotStorable(f"{type(value).__name__} is not a JSON type")


def _string(value: str) -> str:
    if "\0" in value:
        raise _NotStorable("it holds the character NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _NotStorable("it holds half of a surrogate pair") from None
    return '"' + "".join(_ESCAPES.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 0x20 else c) for c in value) + '"'


def _number(value: Decimal, *, exact: bool) -> str:
    if not value.is_finite():
        raise _NotStorable("it holds NaN or an infinite number")
    if value.adjusted() >= 131_072 or value.as_tuple().exponent < -16_383:  # type: ignore[operator]
        raise _NotStorable("it holds a number that is too long")
    text = f"{value or abs(value):f}"
    return text.rstrip("0").rstrip(".") if not exact and "." in text else text


BOOLEAN, UUID, BYTEA, JSONB = Boolean(), Uuid(), Bytea(), Jsonb()
