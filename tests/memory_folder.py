"""A temporary folder in memory for the tests' servers.

PostgreSQL creates about 500 files per migration. On a disk with ext4, which searches for free inodes among recently
deleted files, they took more than half of the processor time of the tests of PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder below it is private
PREFIX = "dataforge-tests-"
NEEDED = 10 << 30
"""Bytes of free memory without which the tests use the disk."""


def create() -> Path | None:
    """Create a folder in memory and make it the temporary folder of this process and its children; None if impossible."""
    _remove_abandoned()
    if not os.access(MEMORY, os.W_OK | os.X_OK) or _free() < NEEDED:
        return None
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY))
    folder.chmod(0o711)  # PostgreSQL runs as another user if the tests run as root
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    return folder


def remove(folder: Path) -> None:
    """Free the memory."""
    shutil.rmtree(folder, ignore_errors=True)


def _free() -> int:
    """The bytes that files in memory may occupy without displacing programs."""
    found = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(found["MemAvailable"].removesuffix("kB")) * 1024
    return min(available, shutil.disk_usage(MEMORY).free)


def _remove_abandoned() -> None:
    """Remove the folders of runs that were killed."""
    for folder in MEMORY.glob(f"{PREFIX}*"):
        process = Path("/proc", folder.name.removeprefix(PREFIX).partition("-")[0])
        if folder.stat().st_uid == os.geteuid() and not process.exists():
            remove(folder)
