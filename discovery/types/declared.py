"""A column's type as a module declares it: the annotation, and the source text of the same annotation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic.fields import FieldInfo

from dataforge.bulk.canonical import canonical, doubtful, refused
from dataforge.tables.catalogue import Column
from dataforge.tables.fields import read_rule
from dataforge.tables.types.base import ColumnType
from dataforge.tables.value_formats import Format


@dataclass(frozen=True)
class Declared:
    """``source``: the type's source text without markers, such as ``Date`` or ``Literal["a", "b"]``.

    ``annotation``: its object. ``markers``: further metadata, such as a ``Format``. ``nulls``: texts that mean NULL.
    ``note``: evidence for what is uncertain. ``other``: another type that the values have in a second reading.
    """

    source: str
    annotation: Any
    markers: tuple[Any, ...] = ()
    nulls: tuple[str, ...] = ()
    note: str = ""
    other: Declared | None = None

    @property
    def kind(self) -> str:
        """PostgreSQL's name of the type."""
        return self.type.name

    @property
    def type(self) -> ColumnType:
        """The storage type."""
        return self._column.type

    @cached_property
    def _column(self) -> Column:
        annotation: Any = Annotated[self.annotation, *self.markers] if self.markers else self.annotation
        rule = read_rule("value", FieldInfo.from_annotation(annotation))
        value_format = next((m for m in self.markers if isinstance(m, Format)), None)
        return Column("value", rule.type, rule.nullable, rule.clean, rule, "", format=value_format)

    def canonical(self, values: pa.Array) -> pa.Array:
        """The canonical texts of values (strings without null), as in a row's text; null for those that are refused."""
        found = canonical(self._column, values, has_nul=_has_nul(values))
        bad = found.bad()
        return found.quoted if bad is None else pc.if_else(pa.array(bad), None, found.quoted)

    def refused(self, texts: pa.Array) -> NDArray[np.bool_]:
        """Which of the texts (without null) the declared column refuses."""
        return refused(self._column, texts, has_nul=_has_nul(texts))

    def doubtful(self, texts: pa.Array) -> pa.Array:
        """The texts (without null) that are not certainly canonical for the declared column."""
        return texts.take(pa.array(doubtful(self._column, texts, has_nul=_has_nul(texts))))

    def refused_texts(self, texts: Sequence[str]) -> int:
        """How many of the texts the declared column refuses."""
        return int(self.refused(pa.array(texts, pa.string())).sum())


def _has_nul(array: pa.Array) -> bool:
    return any(not np.frombuffer(buffer, np.uint8).all() for buffer in array.buffers()[2:] if buffer)


def literal(choices: Iterable[str]) -> Declared:
    """An enumeration of texts."""
    texts = tuple(choices)
    return Declared(f"Literal[{', '.join(map(quoted, texts))}]", Literal[texts])


def quoted(text: str) -> str:
    """A text as source code in double quotes."""
    # With a double quote in front, repr() quotes with single ones and escapes those of the text.
    escaped = repr('"' + text)[2:-1].replace("\\'", "'")
    return '"' + escaped.replace('"', '\\"') + '"'


def marker_source(marker: Any) -> str:
    """The source text of a marker, with the arguments that differ from their defaults."""
    arguments = []
    for item in fields(marker):
        value = getattr(marker, item.name)
        if item.default is MISSING:
            arguments.append(value_source(value))
        elif value != item.default:
            arguments.append(f"{item.name}={value_source(value)}")
    return f"{type(marker).__name__}({', '.join(arguments)})"


def value_source(value: Any) -> str:
    """A text, number, tuple or mapping as source code."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, tuple):
        inner = ", ".join(map(value_source, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)
