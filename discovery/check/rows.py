"""The position of each valid row, a digest of its values, and the columns of constraints."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from dataforge.bulk.row_hashes import digests
from dataforge.tables.catalogue import Column, Dataset, Table

_FLOATS = frozenset(["real", "double"])
_INEXACT = frozenset(["interval", "jsonb", "array"])
"""Types with equal values that have different canonical texts: ``24:00:00`` is ``1 day``."""


def deciding_columns(dataset: Dataset, table: Table) -> tuple[str, ...]:
    """The columns of the table's key, unique constraints and references, and those that others reference, in order."""
    named = {
        *table.key,
        *(name for unique in table.uniques for name in unique.columns),
        *(name for reference in table.references for name in reference.columns),
        *(
            name
            for child in dataset.tables.values()
            for reference in child.references
            if reference.parent == table.name
            for name in reference.parent_columns
        ),
    }
    return tuple(name for name in table.column_names if name in named)


def deciding_rows(dataset: Dataset, table: Table, lines: bytes) -> pa.RecordBatch:
    """The rows of COPY lines: position, digest of the row, and the deciding columns.

    Texts and digests are equal exactly for values that PostgreSQL holds equal. Identical rows of a multiset are different
    rows, so it has no digests.
    """
    found = _read(table, lines)
    values = {
        column.name: _comparable(column, found.column(place)) for place, column in enumerate(table.columns)
    }
    row = pa.nulls(len(found), pa.binary()) if table.is_multiset else _digests(list(values.values()))
    chosen = {f"c{place}": values[name] for place, name in enumerate(deciding_columns(dataset, table))}
    return pa.record_batch({"source": found.column(len(table.columns)), "row": row, **chosen})


def _read(table: Table, data: bytes) -> pa.RecordBatch:
    places = [f"c{place}" for place in range(len(table.columns))]
    found = pacsv.read_csv(
        io.BytesIO(data),
        pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=[*places, "source"]),
        pacsv.ParseOptions(newlines_in_values=True),
        pacsv.ConvertOptions(
            column_types={**dict.fromkeys(places, pa.string()), "source": pa.int64()},
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=False,
        ),
    ).combine_chunks()
    return found.to_batches()[0]


def _comparable(column: Column, texts: pa.Array) -> pa.Array:
    kind = column.type
    if kind.name in _FLOATS:
        return pc.replace_with_mask(texts, pc.fill_null(pc.equal(texts, "-0"), False), pa.scalar("0"))
    if kind.name not in _INEXACT:
        return texts
    encoded = texts.dictionary_encode()
    equal = [kind.equality(kind.parse(text)) for text in encoded.dictionary.to_pylist()]
    return pa.array(equal, pa.string()).take(encoded.indices)


def _digests(columns: Sequence[pa.Array]) -> pa.Array:
    texts = [pc.fill_null(pc.binary_join_element_wise("=", column, ""), "-") for column in columns]
    sizes = [pc.cast(pc.binary_length(text), pa.string()) for text in texts]
    return pa.array(digests(pc.binary_join_element_wise(*sizes, *texts, ",")), pa.binary())
