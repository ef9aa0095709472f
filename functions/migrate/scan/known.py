"""Find the tables of a run that are known: their files and rows are those of an earlier run. Nothing of them is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql
from dataforge.postgres.unwritten import State, is_unwritten
from functions.migrate.run.known.record import Earlier, read_earlier
from functions.migrate.run.ledger import (
    CONTENT,
    KNOWN_EFFORT,
    Resolved,
    RowsByFile,
    read_resolved,
    store_resolved,
)
from functions.migrate.run.migration import KNOWN, MERGE, Run
from functions.migrate.run.rebuildable import may_rebuild

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


MOST_BYTES = 50 << 30
"""The limit for the tables together, which are scanned within the time of one call, from a disk with 125 MB/s."""

_SOURCES = Sql("""
    WITH files AS (
        SELECT f.migration_id, f.file_number, f.key, f.source, f.size, f.version,
               ROW(f.header, f.data_start, f.folder_values, f.record_end) AS layout,
               array_agg(c.range_start ORDER BY chunk) AS ranges, array_agg({content} ORDER BY chunk) AS contents
        FROM dataforge.migration_files f JOIN dataforge.migration_chunks c USING (migration_id, file_number)
        WHERE migration_id IN (%(run)s, %(earlier)s) GROUP BY f.migration_id, f.file_number)
    SELECT source, coalesce(sum(n.size), 0)::bigint, bool_and(n.ranges IS NOT DISTINCT FROM o.ranges AND coalesce(
        n.version = o.version
        OR n.layout IS NOT DISTINCT FROM o.layout AND n.contents = o.contents AND array_position(n.contents, NULL) IS NULL,
        false))
    FROM (SELECT * FROM files WHERE migration_id = %(run)s) n
    FULL JOIN (SELECT * FROM files WHERE migration_id = %(earlier)s) o USING (source, key)
    GROUP BY source
""").format(content=CONTENT)
"""By source: the bytes of its files, and whether both runs have the same files with the same content."""

_NUMBERED = Sql("""
    SELECT f.source, f.key, c.chunk, c.tallies, c.result,
           row_number() OVER (PARTITION BY file_number ORDER BY chunk) AS number
    FROM dataforge.migration_files f JOIN dataforge.migration_chunks c USING (migration_id, file_number)
    WHERE migration_id = %s
""")

_REGISTER_CHUNKS = Sql("""
    UPDATE dataforge.migration_chunks c SET tallies = o.tallies, result = %s, loaded_at = clock_timestamp()
    FROM ({numbered}) n JOIN ({numbered}) o USING (source, key, number)
    WHERE c.migration_id = %s AND c.chunk = n.chunk AND o.result IS NOT NULL AND source = ANY(%s)
""").format(numbered=_NUMBERED)

_FILE_NUMBERS = """
    SELECT o.file_number, n.file_number
    FROM dataforge.migration_files o JOIN dataforge.migration_files n USING (source, key)
    WHERE o.migration_id = %s AND n.migration_id = %s
"""


@dataclass(frozen=True)
class _Source:
    """The files of a source: their bytes, and whether they are those of the earlier run."""

    size: int
    same: bool


def register_known(cursor: Cursor, run: Run) -> list[str]:
    """Register the chunks and results of the known tables. Returns their names.

    Tables are known only if they were published by the last run of the prefix, without rejections or a list of orphans, and
    if no row of them was written since. Publication proves that again, unless all tables of the run are known.
    """
    earlier = read_earlier(cursor, run)
    if earlier is None or run.mode != MERGE:
        return []
    sources = _sources(cursor, run, earlier)
    states = _proven(cursor, run, sources, earlier)
    if not states:
        return []
    fed = [source.file for source in run.dataset.sources if states.keys() & source.tables]
    cursor.execute(_REGISTER_CHUNKS, (KNOWN_EFFORT.as_json(), run.id, earlier.id, run.id, fed))
    cursor.execute(_FILE_NUMBERS, (earlier.id, run.id))
    numbers = dict(cursor.fetchall())
    for name, state in states.items():
        resolved = read_resolved(cursor, earlier.id, name)
        if resolved is None:
            raise RuntimeError(f"{name} was not resolved by migration {earlier.id}")
        store_resolved(cursor, run.id, name, _unchanged(resolved, state, numbers))
    _choose_mode(cursor, run, all_known=len(states) == len(run.tables))
    return list(states)


def _sources(cursor: Cursor, run: Run, earlier: Earlier) -> dict[str, _Source]:
    cursor.execute(_SOURCES, {"run": run.id, "earlier": earlier.id})
    return {source: _Source(size, same) for source, size, same in cursor.fetchall()}


def _proven(cursor: Cursor, run: Run, sources: Mapping[str, _Source], earlier: Earlier) -> dict[str, State]:
    """The states of the tables that are known, if not to load them is a gain."""
    names = _closed(run, (name for name in earlier.states if _is_same(run, sources, name)))
    if sum(earlier.states[name].size for name in names) > MOST_BYTES or not _is_gain(
        cursor, run, sources, names
    ):
        return {}
    unwritten = (
        name for name in names if is_unwritten(cursor, run.dataset.table(name), earlier.states[name])
    )
    names = _closed(run, unwritten)
    return {name: earlier.states[name] for name in names} if _is_gain(cursor, run, sources, names) else {}


def _is_same(run: Run, sources: Mapping[str, _Source], name: str) -> bool:
    files = [sources.get(source.file) for source in run.dataset.sources if name in source.tables]
    return bool(files) and all(source and source.same for source in files)


def _closed(run: Run, names: Iterable[str]) -> set[str]:
    """The tables of which all others are in the set that share a file with them or are in their circle."""
    chosen = {table.name for table in run.tables}
    found, before = chosen.intersection(names), set[str]()
    together = {name: {table.name for table in run.circle(name)} for name in chosen}
    for source in run.dataset.sources:
        for name in chosen.intersection(source.tables):
            together[name] |= chosen.intersection(source.tables)
    while found != before:
        before = found
        found = {name for name in before if together[name] <= before}
    return found


def _is_gain(cursor: Cursor, run: Run, sources: Mapping[str, _Source], names: set[str]) -> bool:
    """Whether the run should not load these tables.

    It then inserts the rows of the others instead of rebuilding tables, which is slower if most of its rows are new.
    """
    fed = {source.file for source in run.dataset.sources if names.intersection(source.tables)}
    known = sum(source.size for name, source in sources.items() if name in fed)
    most = 2 * known >= sum(source.size for source in sources.values())
    return bool(names) and (most or not may_rebuild(cursor, run))


def _unchanged(resolved: Resolved, state: State, numbers: Mapping[int, int]) -> Resolved:
    """The earlier result, in which every row is stored already. ``numbers``: of the files, by their earlier ones."""
    counts = {
        name: {numbers[file]: count for file, count in by_file.items()}
        for name, by_file in resolved.files.model_dump().items()
    }
    files = RowsByFile(**counts).model_copy(update={"unchanged": counts["rows"]})
    changed = {"mode": KNOWN, "again": 0, "unchanged": resolved.rows, "updated": 0, "files": files}
    return resolved.model_copy(update={**changed, "figures": None, "state": state})


def _choose_mode(cursor: Cursor, run: Run, *, all_known: bool) -> None:
    """Do not rebuild tables, because that swaps all tables of the run; publish nothing if all are known."""
    cursor.execute(
        "UPDATE dataforge.migrations SET rebuilds = false, mode = %s WHERE migration_id = %s",
        (KNOWN if all_known else run.mode, run.id),
    )
