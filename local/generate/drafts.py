"""The records that are written for a dirty row, each with its validation result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from local.generate.chance import Chance


class Role(Enum):
    """How a record relates to the one that was written for the same row before it."""

    FIRST = "first"
    SAME = "same"
    RIVAL = "rival"


@dataclass(frozen=True)
class Draft:
    """One record without its line end.

    ``codes`` are its own violations; ``orphan``: it names a parent that does not exist.
    """

    line: bytes
    codes: tuple[str, ...] = ()
    orphan: bool = False
    role: Role = Role.FIRST


@dataclass(frozen=True)
class Kind:
    """A way to make a good row dirty; drafts come in file order."""

    name: str
    make: Callable[[Sequence[str], Chance], list[Draft]]
