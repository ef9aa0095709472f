"""What is benchmarked on: the folder that was asked for, the scaled Olist sample beside the clone, or generated data."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from local.generate import generate

SAMPLE, SCALER = "olist-sample", "scale_olist.py"
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Where the Olist sample lies beside a clone, if it does; it is not ours to pass on."""


def data(asked: argparse.Namespace, made: Path) -> Path:
    """The folder of CSVs; below ``made`` unless it was asked for."""
    if asked.data is not None:
        return Path(asked.data)
    folder = made / "csv"
    if (SHARED / SCALER).exists():
        call = [sys.executable, str(SHARED / SCALER), str(SHARED / SAMPLE), str(folder), "33", "112"]
        subprocess.run(call, check=True, capture_output=True)
    else:
        generate(folder, orders=asked.orders, seed=7)
    return folder
