"""The demo's steps, done as a user would: through the command line."""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.config import Config
from local.demo import show
from local.generate import Expected, generate


class Failed(Exception):
    """A step did not do its work, or its check did not hold."""


@dataclass(frozen=True)
class Data:
    """The CSVs, and what must become of them where that is known."""

    folder: Path
    expected: Expected | None


def dataset(folder: Path, asked: argparse.Namespace) -> Data:
    """The user's folder, or a generated one."""
    if asked.data is not None:
        if not asked.data.is_dir():
            raise Failed(f"{asked.data} is no folder.")
        show.line(f"The CSVs of {asked.data}.")
        return Data(asked.data, None)
    made = generate(folder, orders=asked.orders, seed=asked.seed, dirty=asked.dirty)
    rows = sum(table.read for table in made.tables.values())
    show.line(
        f"Generated {rows:,} records in {folder}: {asked.orders} orders, {asked.dirty:.1%} of the rows dirty."
    )
    return Data(folder, made)


def migrate(config: Config, folder: Path) -> dict[str, Any]:
    """`dataforge migrate`; its progress and table go to the screen, the JSON it prints is returned."""
    return _dataforge(config, "migrate", str(folder))


def _dataforge(config: Config, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "dataforge_cli", *arguments, "--outputs", str(config.outputs), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Failed(f"`dataforge {' '.join(arguments)}` ended with {done.returncode}: {done.stdout.strip()}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result
