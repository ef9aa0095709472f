"""The order for a migration, from the options of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dataforge.defaults import QUALITY_THRESHOLD
from dataforge.s3.keys import raw_prefix
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import get_dataset
from dataforge_cli.errors import WrongCall

DEFAULT_THRESHOLD = float(QUALITY_THRESHOLD)
PRESENT = "present"


class OnConflict(StrEnum):
    """The treatment of a row whose key exists with other values. Of two such rows in the files, the first counts."""

    reject = "reject"
    update = "update"


@dataclass(frozen=True)
class Names:
    """A dataset and the prefix of its files in the raw bucket, which ends with a slash."""

    dataset: Dataset
    prefix: str


def read_names(dataset: str, prefix: str) -> Names:
    """Return the dataset and the prefix of the options. Raises ``WrongCall`` and the catalogue's ``InvalidInput``."""
    found = get_dataset(dataset)
    if prefix.startswith(("s3:", "/")):
        raise WrongCall(
            f"--prefix {prefix} is invalid.",
            hint=f"Specify it without bucket and without a leading slash, such as {dataset}/.",
        )
    return Names(found, raw_prefix(prefix or dataset))


@dataclass(frozen=True)
class Order:
    """The order for a migration; no tables means all. ``present``: the tables with files, which are determined later."""

    dataset: Dataset
    prefix: str
    tables: tuple[str, ...]
    threshold: float
    on_conflict: OnConflict
    ignore: tuple[str, ...]
    present: bool

    @property
    def document(self) -> dict[str, Any]:
        """Return the state machine's input."""
        narrowed = {"tables": list(self.tables)} if self.tables else {}
        ignored = {"ignore": list(self.ignore)} if self.ignore else {}
        return {
            "dataset": self.dataset.name,
            "prefix": self.prefix,
            "quality_threshold": self.threshold,
            "on_conflict": self.on_conflict.value,
            **narrowed,
            **ignored,
        }


def read_order(
    dataset: str,
    prefix: str,
    tables: str,
    threshold: float,
    on_conflict: OnConflict,
    ignore: Sequence[str] = (),
) -> Order:
    """Return the order of the options. Raises ``WrongCall`` and the catalogue's ``InvalidInput``."""
    names = read_names(dataset, prefix)
    if not 0 <= threshold <= 1:
        raise WrongCall(f"--threshold {threshold:g} is not between 0 and 1.")
    present = tables.strip() == PRESENT and PRESENT not in names.dataset.tables
    wanted = [] if present else [name.strip() for name in tables.split(",") if name.strip()]
    if tables and not wanted and not present:
        raise WrongCall(f"--tables {tables!r} contains no table.")
    if "" in ignore:
        raise WrongCall("--ignore '' matches no file.", hint="Specify a pattern, such as '*.bak'.")
    chosen = tuple(dict.fromkeys(names.dataset.table(name).name for name in wanted))
    return Order(names.dataset, names.prefix, chosen, threshold, on_conflict, tuple(ignore), present)
