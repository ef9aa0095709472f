"""The names of a folder's tables and columns, and how strongly a column's name points to a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from discovery.structure.vocabulary import (
    CHOICES,
    IDENTIFYING,
    NOISE,
    PERSONS,
    QUANTITIES,
    ROLES,
    SELF,
    VALUES,
)
from discovery.structure.words import abbreviates, is_generic, is_nameless, joined, singular, words

_SHARED = 0.6
"""A first word that at least this share of the tables have is a prefix of the export: ``wp_posts``."""
_LONGEST_PREFIX = 4
"""Shorter first words of all columns abbreviate their table: ``l_orderkey`` of ``lineitem``."""

_ROLE = 2.6
"""The strength of a name that states a role only."""


@dataclass(frozen=True)
class TableNames:
    """The names of all tables of a folder, with the headers of their columns where they are known."""

    names: tuple[str, ...]
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def _subjects(self) -> dict[str, tuple[str, ...]]:
        """The words of the thing that a row of each table is, without what all tables share."""
        full = {name: tuple(map(singular, words(name))) for name in self.names}
        first = Counter(parts[0] for parts in full.values() if len(parts) > 1)
        shared = {word for word, times in first.items() if len(full) > 3 and times >= _SHARED * len(full)}
        bare = {
            name: parts[1:] if parts[:1] and parts[0] in shared and len(parts) > 1 else parts
            for name, parts in full.items()
        }
        taken = Counter(bare.values())
        return {name: _without_noise(parts, taken) for name, parts in bare.items()}

    @cached_property
    def _joined(self) -> frozenset[str]:
        return frozenset("".join(parts) for parts in self._subjects.values())

    @cached_property
    def _prefixes(self) -> dict[str, str]:
        """The short first word that nearly all columns of a table have; empty without one."""
        return {name: _column_prefix(headers) for name, headers in self.headers.items()}

    def column(self, table: str, header: str) -> tuple[str, ...]:
        """The words of a column without its table's prefix; none for a column that is only numbered."""
        if (table, header) not in self._columns:
            self._columns[table, header] = self._column(table, header)
        return self._columns[table, header]

    @cached_property
    def _columns(self) -> dict[tuple[str, str], tuple[str, ...]]:
        return {}

    def _column(self, table: str, header: str) -> tuple[str, ...]:
        if is_nameless(header):
            return ()
        parts = words(header)
        if len(parts) > 1 and parts[0] == self._prefixes.get(table, ""):
            parts = parts[1:]
        return parts[:-1] if len(parts) > 1 and parts[-1].isdecimal() else parts

    def subject(self, table: str) -> tuple[str, ...]:
        """The words of the thing that a row of the table is."""
        return self._subjects[table]

    def is_subject(self, column: Iterable[str], table: str) -> bool:
        """Whether the words are those of the table alone: ``flight`` of ``flights``."""
        return joined(column) == "".join(self.subject(table))

    def identifies(self, column: Iterable[str], table: str) -> bool:
        """Whether the words are those of the table and an identifying word: ``order_id`` of ``orders``.

        The last word of a table's name is enough (``review_id`` of ``order_reviews``), unless it names another table.
        """
        text, own = tuple(column), self._spellings[table]
        return "".join(text) in own or joined(text) in own

    @cached_property
    def _spellings(self) -> dict[str, frozenset[str]]:
        """The names, without separators, that identify the rows of each table."""
        return {
            name: frozenset(stem + word for stem in self._stems(name) for word in IDENTIFYING)
            for name in self.names
        }

    def _stems(self, table: str) -> list[str]:
        subject = self.subject(table)
        stems = ["".join(subject)]
        if len(subject) == 1 or subject[-1] not in self._joined:
            stems.append(subject[-1])
        return stems

    def extends(self, child: str, parent: str) -> bool:
        """Whether the child's name is longer than the parent's by further words: ``order_items`` of ``orders``."""
        longer, shorter = tuple(map(singular, words(child))), tuple(map(singular, words(parent)))
        return len(longer) > len(shorter) and longer[: len(shorter)] == shorter

    def without_own(self, column: tuple[str, ...], table: str) -> tuple[str, ...]:
        """The words without those of the column's own table before them: ``author`` for ``post_author`` of ``posts``."""
        subject = self.subject(table)
        size = len(subject)
        own = column[:size] == subject and len(column) > size and column[size] not in IDENTIFYING
        return column[size:] if own else ()

    def related(self, child: str, parent: str) -> bool:
        """Whether the names of two tables begin with the same word."""
        return self.subject(child)[0] == self.subject(parent)[0]

    def refers(self, column: tuple[str, ...], table: str, key: tuple[str, ...]) -> float:
        """How strongly a column's name points to the table whose key has the words ``key``: 0 to 5.

        5: names the table and an identifying word, or the same key. 4: with a role before it (``billing_customer_id``).
        3: an abbreviation with an identifying word. 2: an abbreviation alone. 0: nothing in common.
        """
        asked = (column, table, key)
        if asked not in self._strengths:
            self._strengths[asked] = self._strength(column, table, key)
        return self._strengths[asked]

    @cached_property
    def _strengths(self) -> dict[tuple[tuple[str, ...], str, tuple[str, ...]], float]:
        return {}

    def _strength(self, column: tuple[str, ...], table: str, key: tuple[str, ...]) -> float:
        if not column or (len(column) > 1 and column[0] in QUANTITIES):
            return 0
        subject = self.subject(table)
        exact = self._exact(column, table, subject, key)
        if exact or singular(column[-1]) != column[-1]:
            # A plural counts: ``orders`` of a day's figures.
            return exact
        role = self._with_role(column, table, subject, key)
        return max(role, self._abbreviated(column, subject), self._in_role(column, subject))

    def _exact(
        self, column: tuple[str, ...], table: str, subject: tuple[str, ...], key: tuple[str, ...]
    ) -> float:
        same_key = not is_generic(key) and joined(column) == joined(key)
        if self.identifies(column, table) or (same_key and self.identifies(key, table)):
            return 5
        if same_key:
            return 4.5
        if "".join(column) == "".join(subject):
            return 4
        return 3 if column == subject[-1:] else 0

    def _with_role(
        self, column: tuple[str, ...], table: str, subject: tuple[str, ...], key: tuple[str, ...]
    ) -> float:
        text, name = joined(column), "".join(subject)
        if any(self.identifies(column[start:], table) for start in range(1, len(column))):
            return 4
        if column[-1] not in VALUES | CHOICES and self.identifies(column[:-1], table):
            return 4
        suffixes = tuple(name + word for word in IDENTIFYING) if len(name) >= 4 and name in text else ()
        if not is_generic(key) and len(joined(key)) >= 5:
            suffixes += (joined(key),)
        if text.endswith(suffixes) and text not in suffixes:
            return 4
        ends = any(column[start:] == subject for start in range(1, len(column)))
        return 3.5 if ends else 0

    @staticmethod
    def _abbreviated(column: tuple[str, ...], subject: tuple[str, ...]) -> float:
        """``cust_id`` and ``custkey`` of ``customers``: 3. ``ship_via`` of ``shippers``, ``dept`` of ``departments``: 2."""
        stem, identifying = stem_of(column)
        if identifying and any(abbreviates("".join(stem[start:]), subject) for start in range(len(stem))):
            # A whole abbreviation of two words (cdemo) excludes the other tables that end in the same word.
            return (
                3.5
                if len(subject) > 1
                and abbreviates(stem[-1], subject)
                and not subject[-1].startswith(stem[-1])
                else 3.2
            )
        parts = [word for word in map(singular, stem) if len(word) >= 3 and column[-1] not in VALUES]
        return 2 if any(abbreviates(part, subject) or subject[0].startswith(part) for part in parts) else 0

    @staticmethod
    def _in_role(column: tuple[str, ...], subject: tuple[str, ...]) -> float:
        """``created_by`` of ``users``, ``dest`` of ``airports``: the words are roles of such tables."""
        stem, _ = stem_of(column)
        for roles, things in ROLES:
            if stem and set(stem) <= roles and subject[-1] in things:
                return _ROLE
        return 0

    def to_itself(self, column: tuple[str, ...], table: str, strength: float) -> float:
        """How strongly a column's name points to its own table: ``parent_id``, or ``manager`` of ``employees``."""
        if column[-1] in VALUES or strength == 5:
            return 0
        person = strength == _ROLE and self.subject(table)[-1] in PERSONS
        if person or set(column) & SELF:
            return 3.5
        return min(strength, 3.5) if strength >= 3 else 0


def _without_noise(parts: tuple[str, ...], taken: Mapping[tuple[str, ...], int]) -> tuple[str, ...]:
    """The words without those that describe nothing, unless another table has the rest as its name."""
    bare = tuple(word for word in parts if word not in NOISE and not word.isdecimal())
    return bare if bare and (bare == parts or bare not in taken) else parts


def _column_prefix(headers: Sequence[str]) -> str:
    first = Counter(parts[0] for header in headers if len(parts := words(header)) > 1)
    word, times = max(first.items(), key=lambda item: item[1], default=("", 0))
    short = len(word) <= _LONGEST_PREFIX and word not in IDENTIFYING
    return word if short and times >= max(3, 0.8 * len(headers)) else ""


def stem_of(column: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The words without the identifying one, and whether there is one, also without a separator: ``custkey``."""
    if len(column) > 1 and column[-1] in IDENTIFYING:
        return column[:-1], True
    last = column[-1]
    for ending in ("number", "code", "key", "id", "sk", "no"):
        if last.endswith(ending) and len(last) >= len(ending) + 3:
            return (*column[:-1], last[: -len(ending)]), True
    return column, False
