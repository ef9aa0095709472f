"""Reject rows of the shadows of a circle of tables, and compare the others with the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge.postgres.unwritten import State, observe
from functions.migrate.resolve.build import build
from functions.migrate.resolve.compare import Comparison
from functions.migrate.resolve.rebuild import rebuild
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.resolve.remove import remove_all
from functions.migrate.run.declared import require_columns
from functions.migrate.run.ledger import Resolved, RowsByFile
from functions.migrate.run.migration import PREPARED, REBUILD, SWAP, Run
from functions.migrate.run.rejections.uncounted import Uncounted
from functions.migrate.run.stored_rows import undo_rebuild
from functions.migrate.run.whole_tables import state_if_compared_whole, work_beside_others

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


@dataclass(frozen=True)
class Resolution:
    """A table of which the rows are rejected, compared with the table in ``state``, in a run of this ``mode``."""

    rejected: RejectedRows
    compared: Comparison
    state: State | None
    mode: str

    def document(self, before: Resolved | None, uncounted: Uncounted | None) -> Resolved:
        """The ledger's document, including the rows that were deleted when the table was resolved ``before``.

        ``uncounted``: the rejections whose reasons the ledger's rows do not have.
        """
        earlier = before.files if before else RowsByFile()
        files = RowsByFile(
            rows=self.compared.rows,
            unchanged=self.compared.unchanged,
            deduplicated=self.rejected.deduplicated + Counter(earlier.deduplicated),
            rejected=self.rejected.rejected + Counter(earlier.rejected),
        )
        reasons = [some for some in (before.uncounted if before else None, uncounted) if some]
        return Resolved(
            mode=self.mode,
            again=before.again if before else 0,
            rows=self.compared.rows.total(),
            unchanged=self.compared.unchanged.total(),
            deduplicated=sum(files.deduplicated.values()),
            rejected=sum(files.rejected.values()),
            updated=self.compared.differing,
            files=files,
            hash_total=self.compared.hash_total,
            removed_hash_total=((before.removed_hash_total if before else 0) + self.rejected.hash_total)
            % 2**64,
            uncounted=sum(reasons, Uncounted()) if reasons else None,
            state=self.state,
        )


def interrupted(shadows: Sequence[RejectedRows]) -> list[Resolution]:
    """The tables after ``NoLongerKnown``: the rows that were deleted before remain so, and they must be resolved again."""
    for rejected in shadows:
        rejected.unmark()
    return [Resolution(rejected, Comparison(Counter(), 0), None, "") for rejected in shadows]


def reject(
    cursor: Cursor,
    run: Run,
    shadows: Sequence[RejectedRows],
    before: Mapping[str, Resolved | None],
) -> list[Resolution]:
    """Reject rows of the tables of a circle. ``before``: how they were resolved earlier.

    Raises ``NoLongerKnown`` before it deletes rows that may only seem to be orphans.
    """
    circle = [rejected.table for rejected in shadows]
    require_columns(cursor, run.id, run.tables)
    work_beside_others(cursor)
    if any(earlier and earlier.mode == REBUILD for earlier in before.values()):
        undo_rebuild(cursor, run, circle)
    states: list[State | None] = [None] * len(circle)
    if run.mode == SWAP:
        compared = build(cursor, run, shadows, _prepared(before))
    elif run.mode == REBUILD:
        states = [observe(cursor, table) for table in circle]
        run, compared = rebuild(cursor, run, shadows, states)
    else:
        states = [state_if_compared_whole(cursor, run, table) for table in circle]
        compared = remove_all(cursor, run, shadows)
    return [
        Resolution(rejected, comparison, state, run.mode)
        for rejected, comparison, state in zip(shadows, compared, states, strict=True)
    ]


def _prepared(before: Mapping[str, Resolved | None]) -> list[Comparison] | None:
    """The counts of the tables of a circle that is prepared."""
    found = [resolved for resolved in before.values() if resolved and resolved.mode == PREPARED]
    if not found:
        return None
    return [Comparison(Counter(resolved.files.rows), resolved.hash_total) for resolved in found]
