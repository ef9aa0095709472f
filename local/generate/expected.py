"""The expected report of a run over a generated dataset."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = "expected.json"


@dataclass
class TableCount:
    """``codes`` counts rows per code: a row with two different violations counts under both.

    ``kinds`` counts the rows that were made dirty on purpose, per kind; rows that were rejected only because
    their parent was are in ``codes`` alone.
    """

    read: int = 0
    loaded: int = 0
    deduplicated: int = 0
    rejected: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)

    def reject(self, codes: tuple[str, ...]) -> None:
        self.rejected += 1
        for code in set(codes):
            self.codes[code] = self.codes.get(code, 0) + 1


@dataclass(frozen=True)
class Expected:
    """The arguments of a run, and the expected counts of its files, per table."""

    seed: int
    orders: int
    dirty: float
    tables: dict[str, TableCount]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    def write(self, folder: Path) -> None:
        (folder / FILE).write_text(self.to_json(), encoding="utf-8", newline="\n")
