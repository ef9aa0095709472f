"""The tunnel to a database in isolated subnets: SSH through EC2 Instance Connect to the bastion, then PostgreSQL."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataforge.aws.bastion import TUNNEL_SECONDS, USER
from dataforge.postgres.roles import ANALYST
from dataforge_cli.errors import CommandError, WrongCall

START_SECONDS = 90.0
"""Seconds after the start in which SSH is retried."""
PAUSE_SECONDS = 5.0
PROGRAMS = {"aws": "the AWS command line, version 2.12 or newer", "ssh": "OpenSSH", "ssh-keygen": "OpenSSH"}
ROOTS = Path("layers", "common", "python", "dataforge", "certs", "rds-global-bundle.pem")


class NoBastion(WrongCall):
    """The deployment has no bastion."""

    code = "NoBastion"
    hint = "Deploy with -c bastion=true, or use another method (docs/connect.md)."

    def __init__(self, deployment: str) -> None:
        super().__init__(f"{deployment} has no bastion.")


class TunnelClosed(CommandError):
    """The SSH tunnel was closed."""

    code = "TunnelClosed"
    hint = (
        "Call `dataforge connect` again: a tunnel closes after an hour. If it never opened, check that your role has the"
        " policy of the output ConnectPolicyArn."
    )

    def __init__(self, status: int) -> None:
        super().__init__(f"The tunnel was closed (ssh exited with {status}).")


def require_programs() -> None:
    """Raise ``WrongCall`` that names the programs that are not on PATH."""
    missing = sorted({PROGRAMS[name] for name in PROGRAMS if shutil.which(name) is None})
    if missing:
        raise WrongCall(
            f"The tunnel needs {' and '.join(missing)}.", hint="Install it and repeat the command."
        )


def start(ec2: Any, instance: str) -> None:
    """Start the bastion unless it runs, and wait until its system status is ok."""
    state = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"]
    if state == "stopping":
        ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance])
    ec2.start_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance])


def client_line(outputs: Mapping[str, str], port: int, root: Path) -> str:
    """Return a shell command that opens psql through the tunnel, with a password that is generated when it runs."""
    host, region = outputs["database_host"], outputs["region"]
    if secret := outputs.get("analyst_secret_arn"):
        password = (
            f"aws secretsmanager get-secret-value --region {region} --secret-id {secret} --query SecretString"
        )
        password += (
            " --output text | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"password\"])'"
        )
    else:
        password = (
            f"aws rds generate-db-auth-token --region {region} --hostname {host} --port {outputs['database_port']}"
            f" --username {ANALYST}"
        )
    place = {
        "host": host,
        "hostaddr": "127.0.0.1",
        "port": port,
        "dbname": outputs["database_name"],
        "user": ANALYST,
        "sslmode": "verify-full",
        "sslrootcert": root / ROOTS,
    }
    words = " ".join(f"{name}={value}" for name, value in place.items())
    return f'PGPASSWORD="$({password})" psql {shlex.quote(words)}'


def ssh_command(outputs: Mapping[str, str], port: int, folder: Path) -> list[str]:
    """Return the SSH command. It does not check the host key, which each deployment changes: IAM identifies the bastion."""
    proxy = (
        f"aws ec2-instance-connect open-tunnel --region {outputs['region']} --instance-id {outputs['bastion_instance']}"
        f" --instance-connect-endpoint-id {outputs['bastion_endpoint']} --max-tunnel-duration {TUNNEL_SECONDS}"
    )
    options = {
        "ProxyCommand": proxy,
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": os.devnull,
        "ExitOnForwardFailure": "yes",
        "ServerAliveInterval": "30",
        "LogLevel": "ERROR",
    }
    forward = f"127.0.0.1:{port}:{outputs['database_host']}:{outputs['database_port']}"
    given = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    return [
        "ssh",
        "-N",
        "-L",
        forward,
        "-i",
        str(folder / "key"),
        *given,
        f"{USER}@{outputs['bastion_instance']}",
    ]


def forward(connect: Any, outputs: Mapping[str, str], port: int) -> int:
    """Open the tunnel, wait until it closes, and return ssh's exit code. A new instance refuses SSH at first."""
    with tempfile.TemporaryDirectory(prefix="dataforge-connect-") as name:
        folder, deadline = Path(name), time.monotonic() + START_SECONDS
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        while True:
            # The bastion accepts a key for one minute.
            connect.send_ssh_public_key(
                InstanceId=outputs["bastion_instance"],
                InstanceOSUser=USER,
                SSHPublicKey=(folder / "key.pub").read_text(),
            )
            code = subprocess.run(ssh_command(outputs, port, folder), check=False).returncode
            if code == 0 or time.monotonic() > deadline:
                return code
            time.sleep(PAUSE_SECONDS)
