"""A check on several cores; starting the processes takes seconds."""

from __future__ import annotations

from pathlib import Path

from dataforge.tables.datasets import DATASETS
from discovery.check.check import check_folder


def test_check_reads_in_processes_what_it_reads_alone(tmp_path: Path) -> None:
    folder = tmp_path / "quotes"
    folder.mkdir()
    for number in range(2):
        lines = f"author,text,tags\nA,same,x;y\nB,text {number},\n,no,\n"
        (folder / f"quotes_{number}.csv").write_text(lines)
    alone, together = (
        check_folder(DATASETS["quotes"], folder, say=lambda _: None, workers=workers) for workers in (0, 2)
    )
    assert alone == together
    assert sum(table.read for table in alone.tables) == 18
