"""The JSON documents of the restore's ledger: one model for each column, written and read through it."""

from __future__ import annotations

from pydantic import BaseModel


class Figures(BaseModel):
    """The column ``figures`` of a table: rows of the backup, and what differs from them in the table."""

    restored: int
    added: int
    removed: int
    changed: int


class LoadedFile(BaseModel):
    """The column ``result`` of a file that is loaded."""

    rows: int


class KeptPart(BaseModel):
    """The column ``result`` of a part of the safety backup: its entry in the manifest, and the sum of its rows' hashes."""

    key: str
    rows: int
    size: int
    sha256: str
    hash_total: int
