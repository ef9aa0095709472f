"""Types of columns: the described ones, unless the values contradict it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataforge import Clean, Format, IndexedName, Label, Name
from discovery.described.description import DescribedColumn
from discovery.types.column_types import propose_type
from discovery.types.declared import Declared
from discovery.types.values import Values

TOLERATED = 0.005
"""The share of rows that may contradict a description: they would be rejected."""
_LABEL = 200
_INDEXED = 600
"""An entry of an index has room for as many characters of any kind."""
_TEXTS = ("Name", "Text", "Label", "IndexedName")


def described_type(column: DescribedColumn | None, values: Values) -> Declared:
    """The type of a column: the described one, in the notation of the values; inferred where nothing is described."""
    if column is None:
        return propose_type(values, indexed=False)
    null = frozenset(text for text in column.null or () if text and text in values.texts)
    real = values.without(null)
    inferred = propose_type(real, indexed=False)
    chosen = _chosen(column, real, inferred, {*null, *inferred.nulls})
    own = inferred.nulls if column.null is None or chosen.kind != "text" else ()
    return replace(chosen, nulls=tuple(sorted({*own, *null})))


def _chosen(column: DescribedColumn, values: Values, inferred: Declared, absent: Collection[str]) -> Declared:
    if column.declared is None:
        return inferred
    if not values.texts:
        return column.declared
    if _is_described(column, inferred):
        return _in_notation(column.declared, inferred)
    refused = [(_refused(option, values, absent), option) for option in _options(column.declared, inferred)]
    count, best = min(refused, key=lambda pair: pair[0])
    if not count:
        return best
    found = f"{count:,} of {values.rows:,} values are not {column.declared.kind}, the described type"
    if count <= TOLERATED * values.rows:
        return replace(best, note=found)
    return replace(inferred, note=found)


def _is_described(column: DescribedColumn, inferred: Declared) -> bool:
    """Whether the description allows the inferred type."""
    return inferred.kind in column.kinds and (inferred.kind != "text" or inferred.source in _TEXTS)


def _in_notation(described: Declared, inferred: Declared) -> Declared:
    """The inferred type with the markers that are described."""
    kinds = {type(marker) for marker in described.markers}
    own = [marker for marker in inferred.markers if type(marker) not in kinds]
    return replace(inferred, markers=(*own, *described.markers))


def _options(described: Declared, inferred: Declared) -> Iterator[Declared]:
    """The described type as it is, and with the notation that the values suggest."""
    yield described
    notation = tuple(marker for marker in inferred.markers if isinstance(marker, Format | Clean))
    if notation:
        kept = tuple(m for m in described.markers if type(m) not in {type(n) for n in notation})
        yield replace(described, markers=(*kept, *notation))
    if described.source == "Text":
        yield Declared("Name", Name)


def _refused(declared: Declared, values: Values, absent: Collection[str]) -> int:
    """How many rows have a value that the type refuses. ``absent``: the texts that mean NULL."""
    if values.all_known:
        refused = declared.refused(pa.array(values.texts, pa.string()))
        return int(np.array(values.counts, np.int64)[refused].sum())
    null = pa.array(["", *absent], pa.string())
    real = (texts.filter(pc.invert(pc.is_in(texts, null))) for texts in values.all_texts())
    return sum(int(declared.refused(texts).sum()) for texts in real)


def indexed_type(declared: Declared, values: Values) -> Declared:
    """The type of a text that is part of a key or a reference: an index needs a limit of its length."""
    length = getattr(declared.type, "length", None)
    unlimited = declared.source in {"Text", "Name"} or (length is not None and length > _INDEXED)
    if declared.kind != "text" or not unlimited:
        return declared
    short = values.longest <= _LABEL and length is None
    source, annotation = ("Label", Label) if short else ("IndexedName", IndexedName)
    return replace(declared, source=source, annotation=annotation)


def nullability(column: DescribedColumn | None, *, missing: int, rows: int) -> tuple[bool, tuple[str, ...]]:
    """Whether a column may be NULL, and a note if its values contradict the description."""
    if column is None or column.nullable is None:
        return missing > 0 or not rows, ()
    if column.nullable or not missing:
        return column.nullable, ()
    found = f"{missing:,} of {rows:,} rows have no value, which the description requires"
    return missing > TOLERATED * rows, (found,)
