"""Cold starts: the imports of each function, in CPU time, and the packages in which it is spent."""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
from collections import Counter

from bench.show import show_table
from local.config import ROOT

WORKER = "functions.migrate.handler, functions.migrate.load.load, functions.migrate.scan.scan"
"""The imports of a process of the function that loads; the handler imports the last two when it is called."""
OWN = ("dataforge", "functions", "datasets")


def main(asked: argparse.Namespace) -> None:
    """Print the CPU milliseconds of importing each handler, without those of Python's start."""
    start = _cpu("pass", asked.rounds)
    rows = []
    for handler in sorted(ROOT.glob("functions/*/handler.py")):
        module = f"functions.{handler.parent.name}.handler"
        rows.append(_row(handler.parent.name, module, start, asked.rounds))
    rows.append(_row("migrate: load", WORKER, start, asked.rounds))
    title = f"Cold start: CPU time of imports (Python itself: {start * 1000:.0f} ms)"
    show_table(title, ("function", "ms", "packages with the largest share"), rows)


def _row(name: str, modules: str, start: float, rounds: int) -> tuple[str, str, str]:
    milliseconds = (_cpu(f"import {modules}", rounds) - start) * 1000
    return name, f"{milliseconds:.0f}", _packages(modules)


def _cpu(code: str, rounds: int) -> float:
    """The median CPU seconds of a process that runs ``code``, after one that may compile."""
    found = []
    for _ in range(rounds + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, env=_environment())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(found[1:])


def _packages(modules: str) -> str:
    """The packages with the largest share of the time that ``python -X importtime`` counts for their modules."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {modules}"]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment())
    times: Counter[str] = Counter()
    for line in run.stderr.splitlines():
        own, _, name = line.removeprefix("import time:").split("|")
        package = name.strip().split(".")[0]
        if own.strip().isdigit():
            times["Data Forge" if package in OWN else package] += int(own)
    return ", ".join(f"{name} {time / times.total():.0%}" for name, time in times.most_common(5))


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
