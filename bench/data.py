"""The data of the benchmarks: the given folder, the scaled Olist sample beside the clone, or generated data."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from local.config import ROOT
from local.generate import generate

SAMPLE, SCALER = "olist-sample", "scale_olist.py"
SHARED = ROOT.parent / "shared" / "data"
"""The folder of the Olist sample beside a clone, which need not exist: its license does not allow to include it."""


def data(asked: argparse.Namespace, made: Path) -> Path:
    """The folder of CSVs; below ``made`` unless one is given."""
    if asked.data is not None:
        return Path(asked.data)
    folder = made / "csv"
    if (SHARED / SCALER).exists():
        call = [sys.executable, str(SHARED / SCALER), str(SHARED / SAMPLE), str(folder), "33", "112"]
        subprocess.run(call, check=True, capture_output=True)
    else:
        generate(folder, orders=asked.orders, seed=7)
    return folder
