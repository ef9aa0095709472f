"""Chance that gives the same bytes everywhere.

Only ``random()`` and ``getrandbits()`` of the Mersenne Twister are used: other methods of ``random.Random``
have changed between Python versions. Neither is the C library's ``log`` or ``exp``, whose last digit differs
between machines; skewed distributions are tables and straight lines between their points instead.
"""

from bisect import bisect
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import accumulate
from random import Random
from sys import maxsize
from typing import Generic, TypeVar

T = TypeVar("T")


class Chance:
    """A stream of its own per seed and name, so that one table's needs do not shift another's values."""

    def __init__(self, seed: int, name: str) -> None:
        source = Random(int.from_bytes(sha256(f"{seed}/{name}".encode()).digest(), "big"))
        self.random = source.random
        self._bits = source.getrandbits

    def below(self, bound: int) -> int:
        """A whole number in ``range(bound)``."""
        return int(self.random() * bound)

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def happens(self, share: float) -> bool:
        return self.random() < share

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.random() * len(values))]

    def hex_id(self) -> str:
        """32 lower-case hex digits, like the md5 sums that serve as ids in the original."""
        return f"{self._bits(128):032x}"

    def along(self, curve: Sequence[float]) -> float:
        """A value from the distribution whose evenly spaced quantiles are the curve's points."""
        place = self.random() * (len(curve) - 1)
        left = int(place)
        return curve[left] + (curve[left + 1] - curve[left]) * (place - left)

    def shuffled(self, values: Iterable[T]) -> list[T]:
        return sorted(values, key=lambda _: self.random())


class Weighted(Generic[T]):
    """Values with whole-number weights."""

    def __init__(self, weights: Iterable[tuple[T, int]]) -> None:
        pairs = list(weights)
        self.values = [value for value, _ in pairs]
        self._steps = list(accumulate(weight for _, weight in pairs))

    def pick(self, chance: Chance) -> T:
        return self.values[bisect(self._steps, int(chance.random() * self._steps[-1]))]


class Strata:
    """Decides for each row in turn whether it is one of ``share`` of all rows.

    One pick falls somewhere in every ``1 / share`` rows, so their number is known to within one without
    knowing how many rows will come. A pick that a row cannot take waits for the next row.
    """

    def __init__(self, chance: Chance, share: float) -> None:
        self._chance = chance
        self._share = share
        self._picks = 0
        self._row = -1
        self._next = self._place() if share else maxsize

    def due(self, able: bool = True) -> bool:
        """Whether the next row is picked; ``able`` is false for a row that must not be."""
        self._row += 1
        if self._row < self._next or not able:
            return False
        self._picks += 1
        self._next = self._place()
        return True

    def _place(self) -> int:
        place = (self._picks + self._chance.random()) / self._share
        # A very small share exceeds the range of integers.
        return int(place) if place < maxsize else maxsize


def zipf(values: Sequence[T], offset: int = 2) -> Weighted[T]:
    """Weights that fall with the rank; a larger offset makes the first ranks more equal."""
    return Weighted((value, 10_000_000 // (rank + offset)) for rank, value in enumerate(values))
