"""Failures during the start of the embedded cloud: no remaining processes or state, and an error with a hint."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from local import cloud, ports, processes
from local.config import ROOT, Config
from local.errors import AtWork, DeployFailed

pytestmark = pytest.mark.slow

Ports = tuple[int, int]


@pytest.fixture
def two_ports(free_port: Callable[[], int]) -> Ports:
    return free_port(), free_port()


def command(state: Path, two: Ports) -> list[str]:
    return [
        sys.executable,
        *("-m", "local", "up"),
        *("--state", str(state), "--aws-port", str(two[0]), "--pg-port", str(two[1])),
    ]


def remaining(state: Path) -> list[str]:
    """The command lines of processes that name the state folder or inherited its marker."""
    found = []
    for process in psutil.process_iter():
        try:
            marked = process.environ().get(processes.MARKER) == str(state)
            words = process.cmdline()
        except psutil.Error:
            continue
        if marked or any(str(state) in word for word in words):
            found.append(" ".join(words))
    return found


def start_deploying(arguments: list[str]) -> subprocess.Popen[str]:
    """Start the program and return when it reports that it deploys."""
    run = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert any(line.startswith("Deploying") for line in run.stdout)
    return run


@pytest.mark.parametrize(("taken", "setting"), [(0, "DATAFORGE_AWS_PORT"), (1, "DATAFORGE_PG_PORT")])
def test_error_for_a_busy_port_names_its_setting(
    tmp_path: Path, two_ports: Ports, taken: int, setting: str
) -> None:
    with socket.create_server(("127.0.0.1", two_ports[taken])):
        run = subprocess.run(
            command(tmp_path / "state", two_ports), cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert run.returncode == 1
    assert f"port {two_ports[taken]} " in run.stderr
    assert setting in run.stderr
    assert "Traceback" not in run.stderr
    assert remaining(tmp_path / "state") == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_during_a_deployment_leaves_no_process_and_no_state(
    tmp_path: Path, two_ports: Ports, number: signal.Signals, code: int
) -> None:
    state = tmp_path / "state"
    run = start_deploying(command(state, two_ports))
    run.send_signal(number)
    run.communicate(timeout=60)
    assert run.returncode == code
    assert remaining(state) == []
    assert sorted(path.name for path in state.iterdir()) == ["lock", "logs"]
    assert not any(map(ports.answers, two_ports))


def test_failed_first_deployment_shows_the_apps_error_and_leaves_no_process_and_no_state(
    tmp_path: Path, two_ports: Ports
) -> None:
    (tmp_path / "cdk.json").write_text('{"app": "python app.py"}')
    (tmp_path / "app.py").write_text("raise SystemExit('unknown context key: stag')")
    config = Config(state=tmp_path / "state", aws_port=two_ports[0], pg_port=two_ports[1], app=tmp_path)
    with pytest.raises(DeployFailed, match="unknown context key: stag"):
        cloud.up(config)
    assert not cloud.is_up(config)
    assert remaining(config.state) == []


def test_second_command_on_a_cloud_is_refused_while_one_runs(tmp_path: Path, two_ports: Ports) -> None:
    config = Config(state=tmp_path, aws_port=two_ports[0], pg_port=two_ports[1])

    def meanwhile(_line: str) -> None:
        with pytest.raises(AtWork, match=str(tmp_path)):
            cloud.down(config)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cloud.up(config, say=meanwhile)
    assert remaining(tmp_path) == []


def test_cloud_of_a_context_manager_ends_when_its_process_is_killed(tmp_path: Path, two_ports: Ports) -> None:
    settings = f"state=Path({str(tmp_path / 'state')!r}), aws_port={two_ports[0]}, pg_port={two_ports[1]}"
    script = f"""
from pathlib import Path
from local import cloud
from local.config import Config
with cloud.running(Config({settings})):
    pass
"""
    run = start_deploying([sys.executable, "-c", script])
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 60
    while remaining(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert remaining(tmp_path) == []
    assert not any(map(ports.answers, two_ports))
