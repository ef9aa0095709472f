"""One file being written; each row's expected result is determined as it is written."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from local.generate.chance import Chance, Strata
from local.generate.csvtext import encode
from local.generate.drafts import Draft, Role
from local.generate.expected import TableCount
from local.generate.kinds import kinds_of
from local.generate.tables import TABLES, Table

# The distance in rows of a duplicate or a conflicting record: mostly near, but also beyond any usual chunk.
_LAGS = (0, 1, 7, 60, 500, 4000)


class Sheet:
    """``lost`` holds, per table, the keys of which no row is loaded; it is shared by all sheets of a run.

    A parent's row is added before its children's, so its result is known when they are added.
    """

    def __init__(
        self, table: Table, folder: Path, chance: Chance, dirty: float, lost: dict[str, set[str]]
    ) -> None:
        self.count = TableCount()
        self._table = table
        self._chance = chance
        self._dirt = Strata(chance, dirty)
        self._kinds = kinds_of(table)
        self._lost = lost
        self._parents = tuple((at, lost[parent]) for at, parent in table.parents.items())
        self._row = 0
        self._later: dict[int, list[bytes]] = {}
        self._end = table.line_end.encode()
        self._file = (folder / table.file).open("wb", buffering=1 << 20)
        self._file.write(
            (b"\xef\xbb\xbf" if table.bom else b"") + ",".join(table.header).encode() + self._end
        )

    def add(self, cells: Sequence[str], spare: bool = False) -> bool:
        """Write a good row, or what dirt makes of it; True if it stayed clean, as a ``spare`` row does."""
        self._row += 1
        if self._row in self._later:
            self._write(*self._later.pop(self._row))
        clean = not self._dirt.due(able=not spare)
        if clean:
            self._file.write(encode(cells).encode() + self._end)
        if not (self._accept(cells) if clean else self._spoil(cells)):
            self._lost[self._table.name].add(cells[0])
        return clean

    def repeat(self, cells: Sequence[str]) -> None:
        """Write an exact duplicate of a row that stayed clean."""
        self._dirt.due(able=False)
        self._write(encode(cells).encode())
        self.count.read += 1
        self.count.deduplicated += 1

    def close(self) -> None:
        for row in sorted(self._later):
            self._write(*self._later[row])
        self._file.close()

    def _spoil(self, cells: Sequence[str]) -> bool:
        """Write the drafts of the next kind; True if one of them is loaded."""
        kind = self._kinds[sum(self.count.kinds.values()) % len(self._kinds)]
        self.count.kinds[kind.name] = self.count.kinds.get(kind.name, 0) + 1
        first, *others = kind.make(cells, self._chance)
        self._write(first.line)
        for draft in others:
            lag = self._chance.below(self._chance.pick(_LAGS) + 1)
            self._later.setdefault(self._row + 1 + lag, []).append(draft.line)
        loaded = [self._settle(draft, cells) for draft in (first, *others)]
        return any(loaded)

    def _settle(self, draft: Draft, cells: Sequence[str]) -> bool:
        """Count one record by the first result that applies; True if it is loaded."""
        if not draft.codes and draft.role is Role.FIRST and not draft.orphan:
            return self._accept(cells)
        self.count.read += 1
        if draft.codes:
            self.count.reject(draft.codes)
        elif draft.role is Role.SAME:
            self.count.deduplicated += 1
        else:
            orphan = draft.orphan or self._parent_lost(cells)
            self.count.reject(("foreign_key" if orphan else "conflict",))
        return False

    def _accept(self, cells: Sequence[str]) -> bool:
        """Count a record that is valid; True unless its parent is lost."""
        self.count.read += 1
        if self._parents and self._parent_lost(cells):
            self.count.reject(("foreign_key",))
            return False
        self.count.loaded += 1
        return True

    def _parent_lost(self, cells: Sequence[str]) -> bool:
        return any(cells[at] in keys for at, keys in self._parents)

    def _write(self, *lines: bytes) -> None:
        for line in lines:
            self._file.write(line + self._end)


class Sheets:
    """The files of one run, by table name; a context manager that closes them."""

    def __init__(self, folder: Path, seed: int, dirty: float) -> None:
        lost: dict[str, set[str]] = {table.name: set() for table in TABLES}
        self._sheets = {
            table.name: Sheet(table, folder, Chance(seed, f"dirt of {table.name}"), dirty, lost)
            for table in TABLES
        }

    def __getitem__(self, table: Table) -> Sheet:
        return self._sheets[table.name]

    def __enter__(self) -> "Sheets":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sheet in self._sheets.values():
            sheet.close()

    def counts(self) -> dict[str, TableCount]:
        return {name: sheet.count for name, sheet in self._sheets.items()}
