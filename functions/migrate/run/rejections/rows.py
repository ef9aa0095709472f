"""Rejections as rows of PostgreSQL's binary COPY, which quotes nothing.

A row is the number of its fields, and each field the length of its value, -1 for NULL, and the value; all integers are
big-endian. The value of jsonb is a version and the document. Source: PostgreSQL's documentation of COPY (Binary Format),
and ``jsonb_send``.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterable
from functools import lru_cache
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, NamedTuple

from dataforge.bulk.copy_frame import BEFORE, BEHIND, READ_BYTES
from dataforge.records.rejections import Located, without_nul
from dataforge.records.violation import Violation, first_violations
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


MOST_ERRORS = 1_000
"""The errors of one record that are stored. A record of JSON may have an unknown key every few bytes."""

# json.dumps() would create an encoder for each call with ensure_ascii=False: half of the time here.
as_json = json.JSONEncoder(ensure_ascii=False).encode

_COPY = (
    'COPY dataforge.rejections (dataset, "table", migration_id, file, errors, raw, raw_at, line, "offset", replay_of,'
    " text_bytes) FROM STDIN (FORMAT binary)"
)
_FIELDS = (11).to_bytes(2, "big")
_NULL = b"\xff\xff\xff\xff"
_VERSION = b"\1"
_LENGTH = struct.Struct("!i").pack
_NUMBERS = struct.Struct("!iqiq").pack
_REPLAYED = struct.Struct("!iq").pack
_SIZE = struct.Struct("!ii").pack


class Errors(NamedTuple):
    """The violations of a record as JSON, and as a field of COPY."""

    json: bytes
    field: bytes


class Row(NamedTuple):
    """A rejection with its record as JSON, its errors, and the size of both in bytes."""

    located: Located
    raw: bytes
    errors: Errors
    size: int


@lru_cache(1024)
def errors_of(violations: tuple[Violation, ...]) -> Errors:
    """The errors of a record. Many records have the same."""
    shown = first_violations(violations, MOST_ERRORS)
    text = f"[{', '.join(_error(without_nul(violation)) for violation in shown)}]".encode()
    return Errors(text, json_field(text))


def _error(violation: Violation) -> str:
    """The violation as JSON; an encoder takes four times as long."""
    parts = (f'"{name}": {encode_basestring(text)}' for name, text in violation.as_json().items())
    return f"{{{', '.join(parts)}}}"


def json_field(document: bytes) -> bytes:
    """A document as a field of COPY."""
    return b"".join((_LENGTH(len(document) + 1), _VERSION, document))


class RowsOfTable:
    """Makes the rows of the rejections of a table."""

    def __init__(self, table: Table) -> None:
        self._of_table = _FIELDS + _text_field(table.dataset) + _text_field(table.name)
        self._of_file = lru_cache(16)(self._file)

    def _file(self, migration_id: str, file: str) -> bytes:
        return self._of_table + _text_field(migration_id) + _text_field(file)

    def with_text(self, row: Row) -> bytes:
        """A row that has its record."""
        return self._row(row.located, row.errors.field, json_field(row.raw), _NULL, row.size)

    def with_location(self, at: Located, errors: bytes, location: str) -> bytes:
        """A row of which the record is elsewhere; ``errors`` are a field of it."""
        return self._row(at, errors, json_field(b"null"), json_field(location.encode()), 0)

    def _row(self, at: Located, errors: bytes, raw: bytes, raw_at: bytes, size: int) -> bytes:
        numbers = _NUMBERS(8, at.line, 8, at.offset)
        root = _NULL if at.replay_of is None else _REPLAYED(8, at.replay_of)
        return b"".join(
            (self._of_file(at.migration_id, at.file), errors, raw, raw_at, numbers, root, _SIZE(4, size))
        )


def _text_field(text: str) -> bytes:
    data = text.encode()
    return _LENGTH(len(data)) + data


def copy_rows(cursor: Cursor, rows: Iterable[bytes]) -> None:
    """Append the rows to the ledger's rejections, in this order."""
    cursor.copy_expert(_COPY, io.BytesIO(b"".join((BEFORE, *rows, BEHIND))), READ_BYTES)
