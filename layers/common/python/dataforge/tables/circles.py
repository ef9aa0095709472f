"""Circles of references: tables of which each references the others, directly or through further tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def circles(parents: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """The circle of each table (a strongly connected component), in the order of the tables; of most, the table alone.

    ``parents``: the tables that a table references.
    """
    reached = {name: _reached(name, parents) for name in parents}
    return {
        name: tuple(n for n in parents if n == name or (n in reached[name] and name in reached[n]))
        for name in parents
    }


def _reached(start: str, parents: Mapping[str, Iterable[str]]) -> set[str]:
    """The tables that a table references, directly or through others."""
    found: set[str] = set()
    pending = [start]
    while pending:
        new = set(parents[pending.pop()]) - found
        found |= new
        pending += new
    return found
