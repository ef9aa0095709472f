"""A file with the state of the emulator's services, which is complete and consistent after each transaction.

SQLite, because it survives the end of the process and of the machine at any moment. A row is an entry of a service's store,
such as one function or one execution; only changed entries are written.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    service TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (service, store, key)
);
CREATE TABLE IF NOT EXISTS blobs (digest TEXT PRIMARY KEY, content BLOB NOT NULL);
"""
LIMIT_LOG = "PRAGMA journal_size_limit = 8388608"
"""The log is cut to this number of bytes after its content is in the file."""


class Place(NamedTuple):
    """Where an entry belongs: the key is the text of a store's key, or "" for a store that is one value."""

    service: str
    store: str
    key: str


class Journal:
    """The entries and blobs of one file. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(LIMIT_LOG)
        self._database.executescript(TABLES)
        self._written = {place: _digest(value) for place, value in self.entries()}

    def entries(self) -> Iterable[tuple[Place, str]]:
        """Every entry, in the order of its place."""
        rows = self._database.execute("SELECT service, store, key, value FROM entries ORDER BY 1, 2, 3")
        return ((Place(service, store, key), value) for service, store, key, value in rows)

    def blob(self, digest: str) -> bytes:
        """The content of a blob. Raises ``KeyError``."""
        row = self._database.execute("SELECT content FROM blobs WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise KeyError(digest)
        return bytes(row[0])

    def differs(self, entries: Mapping[Place, str]) -> bool:
        """Whether an entry is new or has changed."""
        return any(self._written.get(place) != _digest(value) for place, value in entries.items())

    def write(
        self,
        entries: Mapping[Place, str],
        whole: Iterable[str] = (),
        blobs: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write the entries that differ in one transaction, and remove others of the services in ``whole``.

        Raises ``sqlite3.Error``; nothing is changed then.
        """
        digests = {place: _digest(value) for place, value in entries.items()}
        changed = [place for place, digest in digests.items() if self._written.get(place) != digest]
        complete = set(whole)
        gone = [place for place in self._written if place.service in complete and place not in entries]
        if not (changed or gone):
            return
        with self._transaction():
            self._database.executemany(
                "INSERT OR IGNORE INTO blobs VALUES (?, ?)", list((blobs or {}).items())
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)",
                [(*place, entries[place]) for place in changed],
            )
            self._database.executemany(
                "DELETE FROM entries WHERE service = ? AND store = ? AND key = ?", gone
            )
        self._written |= {place: digests[place] for place in changed}
        for place in gone:
            del self._written[place]

    def prune(self) -> None:
        """Delete the blobs to which no entry refers."""
        with self._transaction():
            self._database.execute(
                "DELETE FROM blobs WHERE NOT EXISTS"
                " (SELECT 1 FROM entries WHERE instr(value, blobs.digest) > 0)"
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:  # SQLite itself has rolled back after a full disk
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
