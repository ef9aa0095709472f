"""What goes wrong while the embedded cloud starts leaves nothing behind, and says what to do."""

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


def left_over(state: Path) -> list[str]:
    """Command lines of processes that name the state folder, or have inherited its marker."""
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
    """Start the program and return when it says that it deploys."""
    run = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert any(line.startswith("Deploying") for line in run.stdout)
    return run


@pytest.mark.parametrize(("taken", "setting"), [(0, "DATAFORGE_AWS_PORT"), (1, "DATAFORGE_PG_PORT")])
def test_a_busy_port_is_named_with_the_setting_that_changes_it(
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
    assert left_over(tmp_path / "state") == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_while_deploying_leaves_no_process_and_no_state(
    tmp_path: Path, two_ports: Ports, number: signal.Signals, code: int
) -> None:
    state = tmp_path / "state"
    run = start_deploying(command(state, two_ports))
    run.send_signal(number)
    run.communicate(timeout=60)
    assert run.returncode == code
    assert left_over(state) == []
    assert sorted(path.name for path in state.iterdir()) == ["lock", "logs"]
    assert not any(map(ports.answers, two_ports))


def test_a_failed_first_deployment_shows_the_apps_own_error_and_leaves_nothing(
    tmp_path: Path, two_ports: Ports
) -> None:
    (tmp_path / "cdk.json").write_text('{"app": "python app.py"}')
    (tmp_path / "app.py").write_text("raise SystemExit('unknown context key: stag')")
    config = Config(state=tmp_path / "state", aws_port=two_ports[0], pg_port=two_ports[1], app=tmp_path)
    with pytest.raises(DeployFailed, match="unknown context key: stag"):
        cloud.up(config)
    assert not cloud.is_up(config)
    assert left_over(config.state) == []


def test_two_commands_do_not_work_on_one_cloud_at_once(tmp_path: Path, two_ports: Ports) -> None:
    config = Config(state=tmp_path, aws_port=two_ports[0], pg_port=two_ports[1])

    def meanwhile(_line: str) -> None:
        with pytest.raises(AtWork, match=str(tmp_path)):
            cloud.down(config)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cloud.up(config, say=meanwhile)
    assert left_over(tmp_path) == []


def test_a_cloud_for_a_block_ends_with_its_process_even_when_that_is_killed(
    tmp_path: Path, two_ports: Ports
) -> None:
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
    while left_over(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_over(tmp_path) == []
    assert not any(map(ports.answers, two_ports))
