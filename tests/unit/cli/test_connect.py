"""``dataforge connect``: its output, the programs that it starts, and its errors."""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from dataforge_cli.aws import tunnel
from dataforge_cli.errors import WrongCall
from dataforge_cli.main import app

OUTPUTS = {
    "bastion_instance": "i-0123456789abcdef0",
    "bastion_endpoint": "eice-0123456789abcdef0",
    "database_host": "db.example.eu-west-1.rds.amazonaws.com",
    "database_port": "5432",
    "database_name": "dataforge",
    "region": "eu-west-1",
}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in PATH; its programs record their arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = '#!/bin/sh\necho "$0 $*" >> "{log}"\n'
    script += 'case "$0" in *keygen) for f; do :; done; echo k > "$f"; echo p > "$f.pub";; esac\n'
    for name in tunnel.PROGRAMS:
        program = folder / name
        program.write_text(script.format(log=tmp_path / "calls"))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


class Connect:
    """A client of EC2 Instance Connect."""

    def __init__(self) -> None:
        self.keys: list[dict[str, str]] = []

    def send_ssh_public_key(self, **call: str) -> None:
        self.keys.append(call)


def outputs_file(tmp_path: Path, **outputs: str) -> Path:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({"raw_bucket": "raw", "region": "eu-west-1", **outputs}))
    return file


def test_address_of_the_embedded_cloud_is_printed(tmp_path: Path) -> None:
    address = "postgresql://postgres:x@127.0.0.1:5432/dataforge"
    file = outputs_file(
        tmp_path,
        aws_endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        database_url=address,
    )
    result = CliRunner().invoke(app, ["--outputs", str(file), "connect", "--json"])
    assert json.loads(result.stdout) == {"status": "ready", "psql": f"psql {address}"}


def test_deployment_without_a_bastion_is_a_wrong_call_with_a_hint(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--outputs", str(outputs_file(tmp_path)), "connect", "--json"])
    answer = json.loads(result.stdout)
    assert result.exit_code == 2
    assert answer["error"] == "NoBastion"
    assert "-c bastion=true" in answer["cause"]


def test_error_for_missing_programs_names_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WrongCall, match="OpenSSH and the AWS command line"):
        tunnel.require_programs()


def test_tunnel_uses_ssh_through_the_endpoint_with_a_new_key(programs: Path) -> None:
    connect = Connect()
    tunnel.require_programs()
    assert tunnel.forward(connect, OUTPUTS, 15433) == 0
    assert connect.keys == [
        {"InstanceId": "i-0123456789abcdef0", "InstanceOSUser": "ec2-user", "SSHPublicKey": "p\n"}
    ]
    keygen, ssh = (programs.parent / "calls").read_text().splitlines()
    assert "ed25519" in keygen
    assert "-N -L 127.0.0.1:15433:db.example.eu-west-1.rds.amazonaws.com:5432" in ssh
    assert "--instance-connect-endpoint-id eice-0123456789abcdef0 --max-tunnel-duration 3600" in ssh
    assert ssh.endswith("ec2-user@i-0123456789abcdef0")


@pytest.mark.parametrize("secret", [None, "arn:aws:secretsmanager:eu-west-1:1:secret:x"])
def test_psql_command_verifies_the_server_and_contains_no_password(
    secret: str | None, tmp_path: Path
) -> None:
    outputs = OUTPUTS | ({"analyst_secret_arn": secret} if secret else {})
    line = tunnel.client_line(outputs, 15433, tmp_path)
    run = subprocess.run(["sh", "-n", "-c", line], check=False)
    assert run.returncode == 0
    words = dict(word.split("=", 1) for word in shlex.split(line.partition(" psql ")[2])[0].split(" "))
    assert words["host"] == OUTPUTS["database_host"]
    assert (words["hostaddr"], words["port"], words["user"]) == ("127.0.0.1", "15433", "dataforge_analyst")
    assert words["sslmode"] == "verify-full"
    assert words["sslrootcert"].startswith(str(tmp_path))
    assert (secret or "generate-db-auth-token") in line


@pytest.fixture
def instance() -> Iterator[tuple[Any, str]]:
    with mock_aws():
        ec2 = boto3.client("ec2", region_name="eu-west-1")
        made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        yield ec2, made


@pytest.mark.parametrize("stopped", [True, False])
def test_bastion_runs_after_the_start_from_every_state(instance: tuple[Any, str], stopped: bool) -> None:
    ec2, name = instance
    if stopped:
        ec2.stop_instances(InstanceIds=[name])
    tunnel.start(ec2, name)
    (found,) = ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"]
    assert found["State"]["Name"] == "running"
