"""Store rejections: rejected records, whole, with all violations and their position."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from dataforge.records.validate import copy_line
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import ForeignKey, Table, UniqueKey

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_COPY = (
    'COPY dataforge.rejections (dataset, "table", raw, errors, migration_id, file, line, "offset", replay_of) '
    "FROM STDIN (FORMAT csv)"
)
RAW_LIMIT = 1 << 20
"""The limit of the stored raw text. The whole record can be read at its offset in the file."""

# json.dumps() would create an encoder for each call with ensure_ascii=False: half of the time here.
_json = json.JSONEncoder(ensure_ascii=False).encode

_BUFFER = 1 << 20
"""The characters of one COPY; Python may need four bytes for each."""


@dataclass(frozen=True)
class Located:
    """A rejected record of a migration: ``line`` counts from 1, ``offset`` is its first byte in the file.

    ``raw``: bytes of a CSV, or a JSON document as text. ``replay_of``: the rejection that was replayed.
    """

    migration_id: str
    file: str
    line: int
    offset: int
    raw: bytes | str
    violations: list[Violation]
    replay_of: int | None = None

    @property
    def text(self) -> str:
        """The record as text: of a CSV, as ``raw_text`` gives it."""
        return self.raw if isinstance(self.raw, str) else raw_text(self.raw)


def missing_parent(key: ForeignKey, values: Sequence[str | None]) -> Violation:
    """The violation of a row whose parent is neither stored nor accepted. ``values``: those of the key's columns."""
    wanted = ", ".join(f"{c} = {v}" for c, v in zip(key.parent_columns, values, strict=True))
    return Violation("foreign_key", f"{key.name}: {key.parent} has no row with {wanted}", key.column)


def same_key_values(key: Sequence[str], place: Literal["table", "file"]) -> Violation:
    """The violation of a row with the key of a row that is stored, or comes earlier in the file, and other values."""
    columns = ", ".join(key)
    if place == "table":
        return Violation(
            "conflict",
            f"The table has a row with the same key ({columns}) and other values; the stored row is unchanged",
        )
    return Violation(
        "conflict",
        f"Another row of the file has the same key ({columns}) and other values; the first row is loaded",
    )


def same_unique_value(unique: UniqueKey, place: Literal["table", "file", "batch"]) -> Violation:
    """The violation of a row with the unique value of a row that is stored, or comes earlier in the file or batch."""
    owner = {
        "table": "the table has a row",
        "file": "an earlier row of the file is loaded",
        "batch": "the table or the batch has another row",
    }
    columns = ", ".join(unique.columns)
    return Violation("conflict", f"{unique.name}: {owner[place]} with the same value of ({columns})")


def raw_text(raw: bytes) -> str:
    """A record's text without its line end. Invalid UTF-8, and NUL, which PostgreSQL cannot store, become \\xNN."""
    text = raw[:RAW_LIMIT].removesuffix(b"\n").removesuffix(b"\r").decode(errors="backslashreplace")
    cut = f"… [cut: {len(raw):,} bytes in all]" if len(raw) > RAW_LIMIT else ""
    return text.replace("\0", "\\x00") + cut


def without_nul(violation: Violation) -> Violation:
    """The violation with a NUL in its message, which PostgreSQL cannot store, as \\x00."""
    if "\0" not in violation.message:
        return violation
    return replace(violation, message=violation.message.replace("\0", "\\x00"))


def store(cursor: Cursor, table: Table, rejections: Iterable[Located]) -> int:
    """Store the rejections in the caller's transaction, in batches. Returns their number."""
    buffer = io.StringIO()
    count = 0
    of_table = copy_line((table.dataset, table.name))
    for item in rejections:
        raw = item.raw if isinstance(item.raw, str) else _json(raw_text(item.raw))
        root = "" if item.replay_of is None else item.replay_of
        buffer.write(
            f"{of_table},{_quoted(raw)},{_errors(tuple(item.violations))},{_file(item.migration_id, item.file)},"
            f"{item.line},{item.offset},{root}\n"
        )
        count += 1
        if buffer.tell() >= _BUFFER:
            _flush(cursor, buffer)
    _flush(cursor, buffer)
    return count


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@lru_cache(1024)
def _errors(violations: tuple[Violation, ...]) -> str:
    """The violations as a field of COPY. Many records have the same."""
    return _quoted(_json([without_nul(v).as_json() for v in violations]))


@lru_cache(16)
def _file(migration_id: str, file: str) -> str:
    return copy_line((migration_id, file))


def _flush(cursor: Cursor, buffer: io.StringIO) -> None:
    if buffer.tell():
        buffer.seek(0)
        cursor.copy_expert(_COPY, buffer)
        buffer.seek(0)
        buffer.truncate()
