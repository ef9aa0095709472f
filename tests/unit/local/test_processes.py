import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local import processes
from local.errors import StartFailed

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "server.pid"
    yield path
    processes.stop(path, signal.SIGKILL)
    processes.sweep(tmp_path)


def start(pid_file: Path, source: str) -> psutil.Process:
    environment = {"PATH": os.defpath, processes.MARKER: str(pid_file.parent), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", source, str(pid_file)]
    log = pid_file.with_suffix(".log")
    processes.start(pid_file, command, env=environment, cwd=pid_file.parent, log=log)
    found = processes.find(pid_file)
    assert found is not None
    return found


def test_started_process_is_found_and_stopped(pid_file: Path) -> None:
    process = start(pid_file, SLEEP)
    assert os.getsid(process.pid) == process.pid  # Ctrl-C in this terminal does not reach it
    assert processes.stop(pid_file, signal.SIGTERM)
    assert not psutil.pid_exists(process.pid)
    assert not processes.stop(pid_file, signal.SIGTERM)


def test_process_that_ignores_sigterm_is_killed(pid_file: Path) -> None:
    process = start(pid_file, STUBBORN)
    log = pid_file.with_suffix(".log")
    processes.wait_until_ready("stubborn", pid_file, log, lambda: "up" in log.read_text())
    processes.stop(pid_file, signal.SIGTERM, seconds=0.2)
    assert not psutil.pid_exists(process.pid)


def test_process_of_another_program_with_the_recorded_pid_is_not_stopped(pid_file: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as stranger:
        pid_file.write_text(json.dumps({"pid": stranger.pid, "command": [sys.executable, "-c", "server"]}))
        assert processes.find(pid_file) is None
        assert not processes.stop(pid_file, signal.SIGKILL)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("content", ["", "{}", "12", '{"pid": 4194304, "command": []}'])
def test_unreadable_or_stale_record_is_ignored(pid_file: Path, content: str) -> None:
    pid_file.write_text(content)
    assert processes.find(pid_file) is None


def test_wait_fails_with_the_log_when_the_process_ends(pid_file: Path) -> None:
    start(pid_file, "import time; time.sleep(0.1); raise SystemExit('could not bind')")
    with pytest.raises(StartFailed, match="could not bind"):
        processes.wait_until_ready("server", pid_file, pid_file.with_suffix(".log"), lambda: False)


def test_sweep_ends_only_grandchildren_of_a_dead_server(pid_file: Path, tmp_path: Path) -> None:
    breed = (
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); time.sleep(60)"
    )
    server = start(pid_file, breed)
    while not (children := server.children()):
        pass
    processes.stop(pid_file, signal.SIGKILL)
    assert children[0].is_running()

    other = {processes.MARKER: str(tmp_path / "other")}
    with subprocess.Popen([sys.executable, "-c", SLEEP], env=os.environ | other) as neighbour:
        processes.sweep(tmp_path)
        assert neighbour.poll() is None
        neighbour.kill()
    assert not children[0].is_running()
