"""The limits of one API key: the datasets and tables that it may use, and its last day. A key without limits has none.

Functions cache the limits of a key for ``SECONDS``, so a change is effective after this time. An end is effective at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from dataforge.errors import KeyEnded, OutsideLimits, WrongKey
from dataforge.tables.datasets import DEFAULT

SECONDS = 10
"""How long a process uses the limits of a key before it reads them again."""

MOST_CACHED = 1000
"""Keys whose limits a process caches."""

MARK = "limited"
"""A key that was created with limits has this word between its kind and the digits. It is refused while its limits are not
stored, for example after the database was restored to a time before the key was created."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class KeyLimits(BaseModel):
    """``datasets``: the tables that the key may use, by dataset; None for all. ``expires``: its last day, in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    datasets: Mapping[Name, tuple[Name, ...] | None] | None = None
    expires: date | None = None

    def allows(self, dataset: str, *tables: str) -> bool:
        """Whether the key may use these tables, or without tables any table of the dataset."""
        if self.datasets is None:
            return True
        if dataset not in self.datasets:
            return False
        allowed = self.datasets[dataset]
        return allowed is None or set(tables) <= set(allowed)

    def allows_all(self, dataset: str, tables: Iterable[str] = ()) -> bool:
        """Whether the key may use all of the tables, or without tables the whole dataset."""
        chosen = tuple(tables)
        whole = self.datasets is None or self.datasets.get(dataset, ()) is None
        return whole or (bool(chosen) and self.allows(dataset, *chosen))

    def require(self, dataset: str, *tables: str) -> None:
        """Raise ``OutsideLimits`` unless ``allows``. Whether the dataset and the tables exist is not looked up."""
        if not self.allows(dataset, *tables):
            raise OutsideLimits(dataset, self._outside(dataset, tables), self.texts())

    def require_all(self, dataset: str, tables: Iterable[str] = ()) -> None:
        """Raise ``OutsideLimits`` unless ``allows_all``."""
        chosen = tuple(tables)
        if not self.allows_all(dataset, chosen):
            raise OutsideLimits(dataset, self._outside(dataset, chosen), self.texts())

    def require_stored(self, dataset: str | None, tables: Iterable[str] | None) -> None:
        """``require_all`` for what an earlier request stored. It has no dataset if an earlier version stored it."""
        if self.datasets is not None:
            self.require_all(dataset or "", tables or ())

    def require_named(self, document: Any) -> None:
        """Raise ``OutsideLimits`` if a body names a dataset or table that the key may not use.

        The body is not validated yet. Its validation compares the names with all that exist.
        """
        if not isinstance(document, dict):
            return
        dataset, table, tables = (
            document.get("dataset", DEFAULT),
            document.get("table"),
            document.get("tables"),
        )
        if isinstance(dataset, str):
            names = [table, *(tables if isinstance(tables, list) else ())]
            self.require(dataset, *(name for name in names if isinstance(name, str)))

    def require_input(self, document: Mapping[str, Any]) -> None:
        """Raise ``OutsideLimits`` unless the key may use all tables of a run with this input."""
        tables = document.get("tables") or [name for name in [document.get("table")] if name is not None]
        self.require_all(document.get("dataset", DEFAULT), tables)

    def _outside(self, dataset: str, tables: Iterable[str]) -> list[str]:
        return [name for name in dict.fromkeys(tables) if not self.allows(dataset, name)]

    def texts(self) -> list[str]:
        """What the key may use, as ``dataforge keys`` accepts it: ``dataset`` or ``dataset.table`` each."""
        return list(self._texts())

    def _texts(self) -> Iterator[str]:
        for dataset, tables in (self.datasets or {}).items():
            yield from [dataset] if tables is None else (f"{dataset}.{table}" for table in tables)


UNLIMITED = KeyLimits()

ReadLimits = Callable[[str], KeyLimits | None]
"""Reads the limits of the key with an id; None if none are stored."""


def no_limits(key_id: str) -> KeyLimits | None:  # noqa: ARG001  a ``ReadLimits``
    """The limits of a key where none are stored."""
    return None


def parse_limits(document: str | bytes) -> KeyLimits:
    """Limits as they are stored. Raises ``WrongKey`` for limits of a later version, which may mean anything."""
    try:
        return KeyLimits.model_validate_json(document)
    except ValidationError:
        raise WrongKey(
            "The limits of this key cannot be read.", hint="Ask an operator to set them again."
        ) from None


def limits_of(key: str, key_id: str, read: ReadLimits) -> KeyLimits:
    """The limits of a key. Raises ``KeyEnded`` after its last day, and ``WrongKey`` if it must have limits and has none."""
    if not key_id:
        raise WrongKey("API Gateway did not name the key of the request.")
    found = read(key_id)
    if found is None and f".{MARK}." in key:
        raise WrongKey("The limits of this key are not stored.", hint="Ask an operator to set them again.")
    limits = found or UNLIMITED
    if limits.expires is not None and datetime.now(UTC).date() > limits.expires:
        raise KeyEnded(limits.expires)
    return limits


class CachedLimits:
    """``ReadLimits`` of one process, which reads the limits of a key once in ``SECONDS``."""

    # The time of day continues while Lambda freezes a process; a monotonic clock may stop.
    def __init__(self, read: ReadLimits, clock: Callable[[], float] = time.time) -> None:
        self._read, self._clock = read, clock
        self._known: dict[str, tuple[float, KeyLimits | None]] = {}

    def __call__(self, key_id: str) -> KeyLimits | None:
        """The limits of the key. Raises what the reader raises; limits that are too old are not used instead."""
        now = self._clock()
        known = self._known.get(key_id)
        if known and 0 <= now - known[0] < SECONDS:
            return known[1]
        found = self._read(key_id)
        if len(self._known) >= MOST_CACHED:
            self._known.clear()
        self._known[key_id] = (now, found)
        return found
