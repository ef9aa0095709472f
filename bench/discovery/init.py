"""``dataforge init`` and ``check`` of 100 files, compared with DuckDB reading them with its own detection."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.discovery.files import TABLES, generate
from bench.discovery.measure import Measured, measure
from bench.show import show_table
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.tables.datasets import folder as datasets_folder
from discovery.no_pandas import refuse_pandas

DATASET = "bench_shop"
PEER, PROFILE = "DuckDB reads the files into tables", "dataforge init, profiling only"
INIT, CHECK = "dataforge init", "dataforge check"
MODULE = "bench.discovery.init"


def main(asked: argparse.Namespace) -> None:
    """Print seconds, CPU seconds, peak memory, and the ratio to DuckDB; the rounds alternate."""
    module = datasets_folder() / f"{DATASET}.py"
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made:
        folder = asked.data or Path(made) / "files"
        if asked.data is None:
            generate(folder, asked.records)
        try:
            rounds = [_round(folder, Path(made)) for _ in range(asked.rounds)]
        finally:
            module.unlink(missing_ok=True)
    _show(rounds)


def _round(folder: Path, made: Path) -> dict[str, Measured]:
    (made / "peer.duckdb").unlink(missing_ok=True)
    command = [sys.executable, "-m", "dataforge_cli"]
    return {
        PEER: measure([sys.executable, "-m", MODULE, "peer", str(folder), str(made / "peer.duckdb")]),
        PROFILE: measure([sys.executable, "-m", MODULE, "profile", str(folder)]),
        INIT: measure([*command, "init", str(folder), "--dataset", DATASET, "--force", "--json"]),
        CHECK: measure([*command, "check", str(folder), "--dataset", DATASET, "--json"]),
    }


def _show(rounds: Sequence[Mapping[str, Measured]]) -> None:
    def median(name: str) -> Measured:
        return Measured(*map(statistics.median, zip(*(found[name] for found in rounds), strict=True)))

    base = median(PEER)
    rows = []
    for name in rounds[0]:
        seconds, cpu, memory = found = median(name)
        ratios = (f"{found.seconds / base.seconds:.2f}", f"{found.cpu / base.cpu:.2f}")
        rows.append((name, f"{seconds:.1f}", f"{cpu:.1f}", f"{memory / 2**20:.0f}", *ratios))
    head = ("", "seconds", "CPU seconds", "peak MiB", "ratio", "ratio of CPU")
    show_table("Discovery, with all processes", head, rows)


def peer(folder: str, database: str) -> None:
    """Read each table's files into a table of a DuckDB database."""
    import duckdb  # noqa: PLC0415  the parent process needs no DuckDB

    with duckdb.connect(database) as db:
        for name, table in TABLES.items():
            pattern = f"{folder}/{name}{'_*' if table.files > 1 else ''}.csv"
            db.execute(Sql("CREATE TABLE {} AS FROM read_csv({})").format(ident(name), literal(pattern)))


def profile(folder: str) -> None:
    """Draft the dataset without writing or checking it."""
    from discovery.draft import draft_dataset  # noqa: PLC0415
    from discovery.folders.folder import take_inventory  # noqa: PLC0415
    from discovery.folders.folder_store import objects_of, store_of  # noqa: PLC0415

    s3 = store_of(Path(folder))
    inventory = take_inventory(s3, list(objects_of(Path(folder))), str)
    draft_dataset(s3, DATASET, "files", inventory, str)


if __name__ == "__main__":
    refuse_pandas()
    {"peer": peer, "profile": profile}[sys.argv[1]](*sys.argv[2:])
