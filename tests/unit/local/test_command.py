import os
import socket
from pathlib import Path

import pytest

from local.__main__ import COMMANDS, main
from local.config import AWS_PORT_SETTING, PG_PORT_SETTING, REGION_SETTING, STATE_SETTING


def test_help_lists_every_command_and_setting_and_what_deletes_the_data(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for word in (
        *COMMANDS,
        AWS_PORT_SETTING,
        PG_PORT_SETTING,
        REGION_SETTING,
        STATE_SETTING,
        "deletes the data",
    ):
        assert word in text


@pytest.mark.parametrize("call", [[], ["sideways"], ["up", "--aws-port", "x"], ["up", "--pg-port", "99999"]])
def test_usage_error_exits_2(call: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(call)
    assert ended.value.code == 2


def test_status_without_a_cloud_exits_1_and_down_exits_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--state", str(tmp_path / "none")]) == 1
    assert main(["down", "--state", str(tmp_path / "none")]) == 0
    assert not (tmp_path / "none").exists()
    assert "No embedded cloud" in capsys.readouterr().out


def test_busy_port_is_reported_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = str(server.getsockname()[1])
        assert main(["up", "--state", str(tmp_path), "--pg-port", taken]) == 1
    assert capsys.readouterr().err.startswith(f"error: port {taken} ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_state_folder_of_another_user_is_reported_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o500)
    assert main(["down", "--state", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err
