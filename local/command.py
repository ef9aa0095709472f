"""The `dataforge` command, called as a user calls it: by the demo and by the proof on AWS."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any


class CommandFailed(Exception):
    """The command ended otherwise than it should."""


def dataforge(
    target: Sequence[str],
    *arguments: str,
    expected_exit: int = 0,
    progress: bool = False,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The JSON that a command prints. Raises ``CommandFailed`` unless it ends with the expected exit code.

    ``target``: the options that choose the deployment, such as ``["--stage", "dev"]``. With ``progress`` the other output of
    the command is printed. ``environ`` is added to the command's environment.
    """
    call = [sys.executable, "-m", "dataforge_cli", *arguments, *target, "--json"]
    errors = None if progress else subprocess.PIPE
    done = subprocess.run(
        call,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        check=False,
        env={**os.environ, **(environ or {})},
    )
    if done.returncode != expected_exit:
        detail = (done.stdout.strip() or (done.stderr or "").strip())[-2000:]
        raise CommandFailed(
            f"`dataforge {' '.join(arguments)}` ended with {done.returncode}, not {expected_exit}: {detail}"
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
