"""The keys and references that are proposed for a schema's rows, compared with the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from discovery.structure.keys import Columns
from discovery.structure.proposal import Structure, propose
from discovery.structure.texts import ColumnTexts, TextStore
from discovery.types.column_types import propose_type
from discovery.types.values import values_of
from tests.prove.schemas.rows import Row, TableSpec


@dataclass
class Score:
    """Counts, and a line for each difference."""

    tables: int = 0
    keys: int = 0
    keyless: int = 0
    invented: int = 0
    references: int = 0
    found: int = 0
    said: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, name: str, specs: tuple[TableSpec, ...], structure: Structure) -> None:
        """Compare the structure of a schema."""
        for spec in specs:
            key = set(structure.keys[spec.name] or ())
            self.tables += 1
            self.keys += key == set(spec.key)
            self.keyless += not spec.key
            self.invented += bool(key) and not spec.key
            if key != set(spec.key):
                self.differences.append(f"{name}.{spec.name}: key {sorted(key)}, not {spec.key}")
            found = {(c, r.parent) for r in structure.references if r.child == spec.name for c in r.columns}
            self.references += len(spec.references)
            self.found += len(found & spec.references)
            self.said += len(found)
            self.differences += [f"{name}.{spec.name}: no {one}" for one in spec.references - found]
            self.differences += [f"{name}.{spec.name}: false {one}" for one in found - spec.references]


def structure_of(tables: Mapping[str, list[Row]]) -> Structure:
    """The proposed structure of rows, with the types that ``init`` proposes."""
    with TextStore() as store:
        found = {}
        for name, rows in tables.items():
            arrays = {column: pa.array([row[column] for row in rows], pa.string()) for column in rows[0]}
            store.add(name, list(arrays), [pa.record_batch(arrays)])
            columns = store.describe(name)
            found[name] = Columns(name, columns, {c.name: _kind(store, name, c) for c in columns})
        return propose(store, found)


def _kind(store: TextStore, table: str, column: ColumnTexts) -> str | None:
    return propose_type(values_of(store, table, column), indexed=False).kind if column.present else None
