"""Compile Python modules in assets, because a function cannot store bytecode beside its modules.

Without it, each start of a function compiles everything that it imports, which takes longer than the imports. Bytecode is
specific to the minor version of Python. If the machine that deploys has no interpreter of that version, there is none.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

MAGIC = {"3.13": 3571}
"""The number at the beginning of the bytecode of a released version, which its preview versions do not have."""

_NUMBER = "import importlib.util; print(int.from_bytes(importlib.util.MAGIC_NUMBER[:2], 'little'))"
_COMPILE = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")


def running() -> str:
    """Return the minor version of this interpreter: `3.13`."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


@cache
def interpreter(version: str) -> str | None:
    """Return the program of an interpreter that writes the bytecode of this minor version, or None."""
    if version == running() and MAGIC.get(version, _own_magic()) == _own_magic():
        return sys.executable
    program = shutil.which(f"python{version}")
    if program is None or version not in MAGIC:
        return None
    done = subprocess.run([program, "-I", "-c", _NUMBER], capture_output=True, text=True, check=False)
    return program if done.stdout.strip() == str(MAGIC[version]) else None


def _own_magic() -> int:
    return int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little")


def state(version: str) -> str:
    """Return the part of an asset's hash that distinguishes compiled content from content without bytecode."""
    return f"bytecode {version}" if interpreter(version) else ""


def compile_modules(folder: Path, version: str) -> None:
    """Compile the modules below the folder. A module that is not valid in this version stays as it is.

    Python does not compare the bytecode with the times of the modules, which an archive does not preserve exactly. It has
    no path of this machine; Python inserts the path from which it imports.
    """
    program = interpreter(version)
    if program:
        command = [program, "-I", *_COMPILE, "-s", str(folder), str(folder)]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
