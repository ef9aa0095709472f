"""Stop a temporary cloud when the process that started it ends, for any reason."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from local.config import ROOT, Config

# A shell waits for a word on its standard input. Without one, the other end has gone, and it stops the cloud.
WAIT = 'read -r word || exec "$@"'


@contextmanager
def watch(config: Config) -> Iterator[None]:
    """Within, the death of this process (SIGKILL, too) stops what runs in the configuration's state folder."""
    down = [sys.executable, "-m", "local", "down", "--state", str(config.state)]
    with subprocess.Popen(
        ["/bin/sh", "-c", WAIT, "guard", *down],
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
