"""What becomes of a row that is made dirty: the records written for it, each with its verdict."""

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

    ``codes`` are its own violations; ``orphan`` says that it names a parent that exists nowhere.
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
