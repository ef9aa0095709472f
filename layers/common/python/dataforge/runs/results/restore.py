"""The output of a restore's execution."""

from __future__ import annotations

from dataforge.runs.results.base import OfTable, Result


class Figures(Result):
    """The rows of the backup, and the rows that a restore adds, removes and changes; in the ledger's ``figures``."""

    restored: int
    added: int
    removed: int
    changed: int

    @property
    def differing(self) -> int:
        """The number of rows that differ."""
        return self.added + self.removed + self.changed


CHANGES = tuple(Figures.model_fields)
"""The names of the figures, in order."""


class RestoredTable(Figures, OfTable):
    """The figures of one table, and how the columns of an older backup were adapted to it."""

    adapted: tuple[str, ...] = ()


class RestoreOutput(Result):
    """The sums of the tables' figures. ``safety_backup`` has the replaced rows; a dry run has none.

    ``signed``: the signature of the backup was verified. ``skipped``: newer backups that ``latest`` did not select, and why.
    """

    restore_id: str
    dataset: str
    backup: str
    dry_run: bool
    restored: int
    added: int
    removed: int
    changed: int
    safety_backup: str | None
    tables: tuple[RestoredTable, ...]
    signed: bool = True
    skipped: tuple[str, ...] = ()
