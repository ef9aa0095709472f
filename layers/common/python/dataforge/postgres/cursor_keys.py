"""The keys that sign the cursors of the HTTP API, in the ledger.

Each function may read the keys of its own column only. The schema function creates them. A connection reads them once, and
again for the number of another key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dataforge.errors import NoCursorKey
from dataforge.postgres.sql import Sql, ident

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_KEYS = Sql("SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {} FROM dataforge.cursor_keys")

_known: WeakKeyDictionary[Connection, dict[int, bytes]] = WeakKeyDictionary()


@dataclass(frozen=True)
class LedgerKeys:
    """The keys of the function whose column is ``name``. A key's number is the time of its creation, in microseconds."""

    cursor: Cursor
    name: str

    def newest(self) -> tuple[int, bytes]:
        """The number and the key to sign with. Raises ``NoCursorKey``."""
        keys = _known.get(self.cursor.connection) or self._read()
        if not keys:
            raise NoCursorKey
        return max(keys.items())

    def find(self, number: int) -> bytes | None:
        """A key that is still valid, or None."""
        return _known.get(self.cursor.connection, {}).get(number) or self._read().get(number)

    def _read(self) -> dict[int, bytes]:
        self.cursor.execute(_KEYS.format(ident(self.name)))
        keys = {number: bytes(key) for number, key in self.cursor.fetchall()}
        _known[self.cursor.connection] = keys
        return keys
