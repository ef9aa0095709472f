"""Stop a temporary cloud and delete its data when the process that started it ends, for any reason."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from local.config import ROOT, Config

# A shell waits for a word on its standard input. If the pipe closes without one, this process has ended, and the shell
# stops the cloud.
WAIT = 'read -r word || exec "$@"'


@contextmanager
def watch(config: Config) -> Iterator[None]:
    """If this process ends within the block, even by SIGKILL, stop the cloud of its state folder and delete the data."""
    reset = [sys.executable, "-m", "local", "reset", "--state", str(config.state)]
    with subprocess.Popen(
        ["/bin/sh", "-c", WAIT, "guard", *reset],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            yield
        finally:
            shell.communicate("done\n")
