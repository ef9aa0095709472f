"""The limits of one API key: the datasets and tables that it may use, and its last day. A key without limits has none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from dataforge.errors import OutsideLimits, WrongKey
from dataforge.tables.datasets import DEFAULT

SECONDS = 10
"""How long a process uses the limits of a key before it reads them again."""

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
        """The datasets and tables that the key may use: ``dataset`` or ``dataset.table`` each."""
        return list(self._texts())

    def _texts(self) -> Iterator[str]:
        for dataset, tables in (self.datasets or {}).items():
            yield from [dataset] if tables is None else (f"{dataset}.{table}" for table in tables)


UNLIMITED = KeyLimits()


def parse_limits(document: str | bytes) -> KeyLimits:
    """Limits as they are stored. Raises ``WrongKey`` for limits of a later version, which may mean anything."""
    try:
        return KeyLimits.model_validate_json(document)
    except ValidationError:
        raise WrongKey(
            "The limits of this key cannot be read.", hint="Ask an operator to set them again."
        ) from None
