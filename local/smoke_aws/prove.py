"""The proof: the main job through the command line, on whatever deployment ``target`` names.

The tests run it against the embedded cloud, `make smoke-aws` against AWS.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from local.generate import generate

Say = Callable[[str], None]


class NotProved(Exception):
    """A step's result is not what it must be."""


def prove(target: Sequence[str], say: Say = print) -> None:
    """Migrate, migrate again, be refused, and be healthy. Raises ``NotProved``.

    ``target``: the command line's options that choose the deployment, such as ``["--stage", "dev"]``. Its tables are
    empty, or hold what an earlier proof put there.
    """
    with tempfile.TemporaryDirectory(prefix="dataforge-smoke-") as folder:
        expected = generate(folder, orders=500, seed=7, dirty=0.01).tables
        first = dataforge(target, 0, "migrate", folder)
        for row in first["tables"]:
            wanted = expected[row["table"]]
            _same(f"{row['table']}: stored rows", row["loaded"] + row["unchanged"], wanted.loaded)
            _same(f"{row['table']}: rejected rows", row["rejected"], wanted.rejected)
        say(f"migrated {sum(row['read'] for row in first['tables'])} records; every count is as generated")
        second = dataforge(target, 0, "migrate", folder)
        _same("rows loaded by a second run", sum(row["loaded"] for row in second["tables"]), 0)
        say("migrated again: nothing was loaded twice")
    for arguments, error in (
        (("--prefix", "nothing-here/"), "NoFiles"),
        (("--threshold", "1"), "QualityTooLow"),
    ):
        answer = dataforge(target, 1, "migrate", *arguments)
        _same(f"error of migrate {' '.join(arguments)}", answer["error"], error)
        say(f"refused as it must be: {error}")
    _same("findings of the doctor", dataforge(target, 0, "doctor")["findings"], [])
    say("the doctor finds nothing")


def dataforge(target: Sequence[str], expected_exit: int, command: str, *arguments: str) -> dict[str, Any]:
    """The JSON that a command prints. Raises ``NotProved`` unless it ends with the expected exit code."""
    call = [sys.executable, "-m", "dataforge_cli", command, *arguments, *target, "--json"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode != expected_exit:
        detail = (done.stdout.strip() or done.stderr.strip())[-2000:]
        raise NotProved(f"dataforge {command} ended with {done.returncode}, not {expected_exit}: {detail}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise NotProved(f"{what}: {found}, expected {wanted}.")


def read_outputs(file: Path) -> dict[str, str]:
    """The outputs of ``cdk deploy --outputs-file``, of its one stack."""
    (outputs,) = json.loads(file.read_text()).values()
    found: dict[str, str] = outputs
    return found
