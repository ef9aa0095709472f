"""Rejections: rejected records with their violations and their position."""

from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Literal, NamedTuple

from dataforge.records.violation import Violation
from dataforge.tables.catalogue import ForeignKey, UniqueKey

RAW_LIMIT = 1 << 20
"""The limit of the stored raw text. The whole record can be read at its offset in the file."""


class Located(NamedTuple):
    """A rejected record of a migration: ``line`` counts from 1, ``offset`` is its first byte in the file.

    ``raw``: bytes of a CSV, or a JSON document as text. ``replay_of``: the rejection that was replayed.
    ``length``: the bytes of the record in the file's text; 0 if it is not a part of it that can be read alone.
    """

    migration_id: str
    file: str
    line: int
    offset: int
    raw: bytes | str
    violations: list[Violation]
    replay_of: int | None = None
    length: int = 0

    @property
    def text(self) -> str:
        """The record as text: of a CSV, as ``raw_text`` gives it."""
        return self.raw if isinstance(self.raw, str) else raw_text(self.raw)

    @property
    def document(self) -> str:
        """The record as JSON: of a CSV, a string."""
        return self.raw if isinstance(self.raw, str) else encode_basestring(raw_text(self.raw))


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
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    return text if len(raw) <= RAW_LIMIT else f"{text}… [cut: {len(raw):,} bytes in all]"


def without_nul(violation: Violation) -> Violation:
    """The violation with a NUL in its message, which PostgreSQL cannot store, as \\x00."""
    if "\0" not in violation.message:
        return violation
    return violation._replace(message=violation.message.replace("\0", "\\x00"))
