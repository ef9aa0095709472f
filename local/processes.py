"""Start processes that outlive the command that started them, and stop them by their recorded pid."""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from local.errors import StartFailed
from local.interrupts import deferred

MARKER = "DATAFORGE_CLOUD"
"""Environment variable that every process of a cloud inherits; its value is the cloud's state folder."""


def start(
    pid_file: Path,
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    user: tuple[int, int] | None = None,
) -> None:
    """Start a server in a separate session, its output in ``log``, and record it in ``pid_file``.

    ``user`` is (uid, gid) to run as. An interrupt waits until the record is written.
    """
    identity: dict[str, object] = (
        {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
    )
    argv = [str(part) for part in command]
    with log.open("ab") as output, deferred():
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            **identity,  # type: ignore[call-overload]
        )
        pid_file.write_text(json.dumps({"pid": process.pid, "command": argv}))
        # Directly after exec the system reports no command line, and `find` would not recognise the process.
        while process.poll() is None and not psutil.Process(process.pid).cmdline():
            time.sleep(0.001)


def find(pid_file: Path) -> psutil.Process | None:
    """The recorded process if it still runs, else None.

    A pid that the system has reused for another program is recognised by its command line, which must contain the
    state folder. (Start times would change if the clock is set.)
    """
    try:
        record = json.loads(pid_file.read_text())
        process = psutil.Process(record["pid"])
        # Without the first word: the interpreter behind a virtual environment may put its own name there.
        same = process.cmdline()[1:] == record["command"][1:] and process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return process if same else None


def wait_until_ready(
    name: str, pid_file: Path, log: Path, ready: Callable[[], bool], seconds: float = 60
) -> None:
    """Return as soon as ``ready``; raise ``StartFailed`` if the process ends before, or after a time-out."""
    deadline = time.monotonic() + seconds
    while not ready():
        if find(pid_file) is None or time.monotonic() > deadline:
            raise StartFailed(name, log, tail(log))
        time.sleep(0.02)


def stop(pid_file: Path, how: signal.Signals, seconds: float = 30) -> bool:
    """Stop the recorded process and wait for its end; kill it after a time-out. Returns whether it ran."""
    process = find(pid_file)
    if process is not None:
        _end([process], how, seconds)
    pid_file.unlink(missing_ok=True)
    return process is not None


def sweep(state: Path) -> None:
    """Stop the remaining processes of this state folder's cloud: Lambda workers, an abandoned deployment."""
    _end([process for process in psutil.process_iter() if _belongs(process, state)], signal.SIGKILL, 5)


def _belongs(process: psutil.Process, state: Path) -> bool:
    try:
        return process.environ().get(MARKER) == str(state)
    except (psutil.Error, OSError):  # of another user, or ended
        return False


def _end(processes: list[psutil.Process], how: signal.Signals, seconds: float) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(how)
    _, stubborn = psutil.wait_procs(processes, timeout=seconds)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no output)"
