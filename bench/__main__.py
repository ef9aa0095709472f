"""`python -m bench [NAME ...]`: run all benchmarks, or the named ones."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import goals, imports
from bench.api import deliver, gateway, ingest
from bench.backups import backup, restore
from bench.discovery import init
from bench.memory import benchmark as memory
from bench.migration import benchmark, cloud, dialects, filled, publish
from bench.page import PAGE, introduction
from bench.show import write_page
from dataforge.audit.entry import logger as audit_logger

BENCHMARKS = {
    "migrate": benchmark.main,
    "dialects": dialects.main,
    "publish": publish.main,
    "filled": filled.main,
    "backup": backup.main,
    "restore": restore.main,
    "cloud": cloud.main,
    "ingest": ingest.main,
    "gateway": gateway.main,
    "deliver": deliver.main,
    "init": init.main,
    "imports": imports.main,
    "memory": memory.main,
}


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default all")
    parser.add_argument("--data", type=Path, help="a folder of Olist CSVs (default: see bench/data.py)")
    parser.add_argument(
        "--peers", action="store_true", help="migrate: compare with DuckDB, dlt and pandas too, each once"
    )
    parser.add_argument(
        "--orders", type=int, default=100_000, help="size of generated data (default 100,000)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="number of measurements of each (default 3)")
    parser.add_argument("--records", type=int, default=5_000_000, help="init: records (default 5,000,000)")
    parser.add_argument(
        "--megabytes", type=int, nargs="+", default=[100, 2048], help="memory: MiB of text (default 100 2048)"
    )
    parser.add_argument("--callers", type=int, default=20, help="concurrent callers of the API (default 20)")
    parser.add_argument("--seconds", type=float, default=60, help="seconds of calls (default 60)")
    parser.add_argument("--write", action="store_true", help="write the tables to docs/benchmarks.md")
    asked = parser.parse_args()
    unknown = set(asked.names) - BENCHMARKS.keys()
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    # Its lines would be between the tables.
    audit_logger.setLevel("ERROR")
    for name in asked.names or BENCHMARKS:
        BENCHMARKS[name](asked)
    goals.show_goals()
    if asked.write:
        write_page(PAGE, introduction(asked.names, asked.rounds))


if __name__ == "__main__":
    main()
