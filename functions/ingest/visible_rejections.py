"""The rejections that a key may read: an operator all, a writer those of records that it sent. Both only of the datasets
and tables to which the key is limited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataforge.http import Kind
from dataforge.key_limits import KeyLimits
from dataforge.postgres.sql import Sql


@dataclass(frozen=True)
class Visible:
    """A condition on ``dataforge.rejections`` with its parameters. ``scope``: what it depends on, as JSON."""

    condition: Sql
    values: list[Any]
    scope: list[Any]


EVERYTHING = Visible(Sql("true"), [], [])


def visible_to(kind: Kind, key_id: str, limits: KeyLimits) -> Visible:
    """The condition for a key of this kind, id and limits. Rejections of migrations have no key."""
    conditions: list[Sql] = []
    values: list[Any] = []
    scope: list[Any] = []
    if kind < Kind.OPERATOR:
        conditions.append(Sql("key_id = %s"))
        values.append(key_id)
        scope.append(key_id)
    if limits.datasets is not None:
        within, names = _within(limits.datasets)
        conditions.append(within)
        values += names
        scope.append(limits.texts())
    return Visible(Sql(" AND ").join(conditions), values, scope) if conditions else EVERYTHING


def _within(datasets: Mapping[str, tuple[str, ...] | None]) -> tuple[Sql, list[Any]]:
    whole = [name for name, tables in datasets.items() if tables is None]
    parts: list[Sql] = [Sql("dataset = ANY(%s)")]
    values: list[Any] = [whole]
    for dataset, tables in datasets.items():
        if tables is not None:
            parts.append(Sql('dataset = %s AND "table" = ANY(%s)'))
            values += [dataset, list(tables)]
    return Sql("({})").format(Sql(" OR ").join(parts)), values
