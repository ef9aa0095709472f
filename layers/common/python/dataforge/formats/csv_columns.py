"""Read CSV text as columns of strings with Arrow."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.csv as pacsv


def read_texts(
    data: bytes, names: Sequence[str], *, quoted_is_null: bool, check_utf8: bool = True
) -> pa.Table:
    """The records of ``data``, which has no header, as columns of unchanged strings.

    An empty field is null; ``""`` is null only if ``quoted_is_null``. Raises ``pa.ArrowInvalid`` for another field count.
    """
    if data.startswith(codecs.BOM_UTF8):
        # Arrow would remove it as a byte order mark; here it is part of a value.
        data = codecs.BOM_UTF8 + data
    quoted = b'"' in data
    return pacsv.read_csv(
        pa.BufferReader(data),
        pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        pacsv.ParseOptions(quote_char='"' if quoted else False, newlines_in_values=quoted),
        pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=quoted_is_null,
            check_utf8=check_utf8,
        ),
    )
