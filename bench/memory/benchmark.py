"""Peak memory of the functions by the size of the files."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psycopg2

from bench.memory.files import generate
from bench.memory.steps import RAW, Measured
from bench.server import Server, server
from bench.show import show_table

LIMIT = 300
"""MiB that a process may need."""


class Form(NamedTuple):
    """The end of the files' names, and whether the rows are also exported, backed up and restored."""

    files: str = "csv"
    dirty: bool = False
    whole: bool = False


FORMS = {
    "CSV": Form(whole=True),
    "CSV, 5 % dirty": Form(dirty=True),
    "gzip": Form("csv.gz"),
    "gzip, 5 % dirty": Form("csv.gz", dirty=True),
    "Parquet": Form("parquet"),
}
_REMOVE = "DELETE FROM olist.orders WHERE hashtext(order_id) % 2 = 0"
"""So that the restore has many rows to add, and builds the table again."""


def main(asked: argparse.Namespace) -> None:
    """Print the peak of each step for each size."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        for name, form in FORMS.items():
            found = [measure(running, Path(made), size, form) for size in asked.megabytes]
            rows = [(step, *(f"{one.peaks[step]}" for one in found)) for step in found[0].peaks]
            rows.append(("before the work of a step, at most", *(f"{one.idle}" for one in found)))
            head = ("", *(f"{size:,} MiB of text" for size in asked.megabytes))
            show_table(f"Peak memory of a function's process in MiB: {name}", head, rows)


def measure(running: Server, made: Path, megabytes: int, form: Form, **more: int) -> Measured:
    """The peaks with files of this size, which are deleted afterwards. ``more``: other settings of ``Measured``."""
    folder = made / "objects"
    running.create("memory")
    measured = Measured(running, "memory", folder, **more)
    try:
        generate(folder / RAW / "olist", megabytes, dirty=form.dirty, form=form.files)
        measured.migrate("olist/")
        if form.whole:
            measured.export()
            measured.back_up()
            with closing(psycopg2.connect(running.superuser_url("memory"))) as db, db, db.cursor() as cursor:
                cursor.execute(_REMOVE)
            measured.restore()
    finally:
        shutil.rmtree(folder)
    return measured
