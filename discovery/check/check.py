"""Check a folder: the counts and rejections of a migration into empty tables, on all cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path

from dataforge.records.quality import quality_of
from dataforge.records.suggestions import Suggestion
from dataforge.runs.results.report import Orphans, Reason
from dataforge.tables.catalogue import Dataset, Table
from discovery.check.plan import RANGE_BYTES, Plan, plan
from discovery.check.read import Example, Tally, read_by_name, read_item
from discovery.check.resolve import Decided, decide
from discovery.check.row_store import RowStore
from discovery.folders.folder_store import Folder, objects_of, store_of, unlisted
from discovery.folders.progress import FileProgress
from discovery.workers import needs_processes, run_all
from functions.migrate.resolve.locate import Chunk, locate_in
from functions.migrate.run.work_items import LoadItem


@dataclass(frozen=True)
class TableResult:
    """The records of one table. ``read = loaded + deduplicated + rejected``.

    ``codes``: the rejected records by the code of their first reason. ``orphans``: of each reference that is not enforced
    and has some, under its name. ``reasons``: all reasons by code and column, the most frequent first.
    ``suggestions``: declarations that would accept rejected values. ``cleanings``: the changed values, by
    "column.cleaning".
    """

    table: str
    read: int
    loaded: int
    deduplicated: int
    rejected: int
    codes: Counter[str]
    examples: dict[str, list[Example]]
    orphans: Mapping[str, Orphans]
    reasons: tuple[Reason, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    cleanings: Mapping[str, int] = field(default_factory=dict)

    @property
    def quality(self) -> float:
        """1 - rejected / read; 1 if nothing was read."""
        return _quality(self.read, self.rejected)


@dataclass(frozen=True)
class CheckResult:
    """The tables' results, the files that were ignored with the reasons, and the others with their sizes."""

    tables: tuple[TableResult, ...]
    ignored: dict[str, str]
    files: Mapping[str, int] = field(default_factory=dict)

    @property
    def quality(self) -> float:
        """The quality over all tables."""
        return _quality(
            sum(table.read for table in self.tables), sum(table.rejected for table in self.tables)
        )

    def passes(self, threshold: float) -> bool:
        """Whether no quality, neither of a table nor over all, is below the threshold."""
        return min([self.quality, *(table.quality for table in self.tables)]) >= threshold

    def failure(self, threshold: float) -> str:
        """The qualities below the threshold, as a sentence."""
        low = [
            f"{table.table} {table.quality:.4f} ({table.rejected:,} of {table.read:,} rows rejected)"
            for table in self.tables
            if table.quality < threshold
        ]
        low += [f"all tables together {self.quality:.4f}"] if self.quality < threshold else []
        return f"The quality is below the threshold {threshold:g}: {'; '.join(low)}."


def _quality(read: int, rejected: int) -> float:
    found = quality_of(read, rejected)
    return 1.0 if found is None else float(found)


def check_folder(
    dataset: Dataset,
    folder: Folder,
    *,
    ignore: Sequence[str] = (),
    say: Callable[[str], None],
    workers: int | None = None,
    range_bytes: int = RANGE_BYTES,
) -> CheckResult:
    """Read and validate a folder's files, and decide between their rows. ``workers``: processes; 0 reads in this
    one, and None chooses by size and cores. ``range_bytes``: about the size of the ranges of large files.

    Raises the errors of a migration for files that do not fit.
    """
    tables = tuple(dataset.tables)
    work = plan(store_of(folder), dataset, list(objects_of(folder)), tables, ignore, range_bytes)
    tallies = {name: Tally() for name in tables}
    with RowStore(dataset, tables) as store:
        for found in _read(dataset, folder, work, store.folder, workers, say):
            for name, tally in found.items():
                tallies[name].add(tally)
        say("Comparing keys and references")
        decided = decide(store)
    chunks = [_chunk(item) for item in work.items]
    for name, table in decided.items():
        rejected = sorted(((place, [violation]) for place, violation in table.examples), key=itemgetter(0))
        for record in locate_in(store_of(folder), "", dataset, chunks, rejected):
            tallies[name].show(record)
            tallies[name].records.quote(record, (record.violations[0].code, record.violations[0].column))
        tallies[name].records.causes += table.causes
    results = (_result(dataset.table(name), tallies[name], decided[name]) for name in tables)
    return CheckResult(tuple(results), {**work.ignored, **unlisted(folder)}, work.files)


def _chunk(item: LoadItem) -> Chunk:
    return Chunk(
        item.object, item.base, item.start, item.end, item.line, item.source, item.header, item.record_end
    )


def _read(
    dataset: Dataset,
    folder: Folder,
    work: Plan,
    rows: Path,
    workers: int | None,
    say: Callable[[str], None],
) -> Iterator[dict[str, Tally]]:
    """The tallies of each item, in file order."""
    progress = FileProgress(say, "Validating", work.files.values())
    calls = [(folder, item, rows) for item in work.items]
    read = read_by_name if needs_processes(work.sizes, workers) else partial(read_item, dataset)
    following = [*(item.key for item in work.items[1:]), ""]
    results = run_all(read, calls, work.sizes, workers)
    for item, size, after, found in zip(work.items, work.sizes, following, results, strict=True):
        progress.add(item.key, size, is_last=after != item.key)
        yield found


def _result(table: Table, tally: Tally, decided: Decided) -> TableResult:
    rejected = tally.rejected + decided.rejected.total()
    return TableResult(
        table.name,
        tally.read,
        decided.accepted,
        tally.deduplicated + decided.deduplicated,
        rejected,
        +(tally.codes + decided.rejected),
        tally.examples,
        {name: orphans for name, orphans in decided.unenforced.items() if orphans.rows},
        tally.records.reasons(),
        tally.records.suggestions(table, read=tally.read, rejected=rejected),
        tally.cleanings,
    )
