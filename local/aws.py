"""The AWS emulator: ministack with this project's patches, on the Python of `.local/cloud-venv`."""

import os
import signal
from pathlib import Path
from typing import TypedDict

from dataforge.aws.clients import Access, embedded_session
from local import ports, processes
from local.config import CLOUD_PYTHON, HOST, ROOT, Config
from local.errors import NotInstalled

NAME = "The AWS emulator"
ACCOUNT = "000000000000"
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "test", "test"
"""The administrator's credentials. The emulator takes any."""


class ClientSettings(TypedDict):
    """Keyword arguments for `boto3.client`."""

    endpoint_url: str
    region_name: str
    aws_access_key_id: str
    aws_secret_access_key: str


def access(endpoint: str, region: str) -> Access:
    """The connection settings of clients: `make_client("s3", THIS_MACHINE, access(...))`."""
    return Access(embedded_session(region), endpoint)


def client_settings(endpoint: str, region: str) -> ClientSettings:
    """The arguments of a client of the emulator: `boto3.client("s3", **client_settings(...))`."""
    return {
        "endpoint_url": endpoint,
        "region_name": region,
        "aws_access_key_id": ACCESS_KEY_ID,
        "aws_secret_access_key": SECRET_ACCESS_KEY,
    }


CONCURRENCY = 10
"""Executions of functions at a time: what a new AWS account has."""


def bypass_proxies() -> None:
    """Connect this process and its children to this machine directly, regardless of proxies in the environment."""
    for name in ("NO_PROXY", "no_proxy"):
        known = [part for part in os.environ.get(name, "").split(",") if part]
        os.environ[name] = ",".join(dict.fromkeys([*known, HOST, "localhost"]))


def start(config: Config) -> None:
    """Start an empty emulator; PostgreSQL must be up. Raises ``StartFailed``."""
    if not CLOUD_PYTHON.exists():
        raise NotInstalled(CLOUD_PYTHON)
    config.temp.mkdir()
    processes.start(
        pid_file(config),
        [CLOUD_PYTHON, "-m", "local.emulator", "--superuser", config.superuser],
        env=environment(config),
        cwd=ROOT,
        log=log(config),
    )
    processes.wait_until_ready(NAME, pid_file(config), log(config), lambda: ports.answers(config.aws_port))


def stop(config: Config) -> None:
    """Stop the emulator and all its workers, and delete their unpacked files."""
    # SIGKILL: after SIGTERM it would run for two more seconds, without data to save.
    processes.stop(pid_file(config), signal.SIGKILL)
    processes.sweep(config.state)


def running(config: Config) -> bool:
    return processes.find(pid_file(config)) is not None


def pid_file(config: Config) -> Path:
    return config.run / "emulator.pid"


def log(config: Config) -> Path:
    return config.logs / "emulator.log"


def environment(config: Config) -> dict[str, str]:
    """The complete environment of the emulator. Functions inherit it, so it contains no variable of the user."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(config.temp),
        "TMPDIR": str(config.temp),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        processes.MARKER: str(config.state),
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(config.aws_port),
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": config.region,
        "LAMBDA_ACCOUNT_CONCURRENCY": str(CONCURRENCY),
        "LOG_LEVEL": "WARNING",
        # Disable unused listeners on fixed ports.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # At start the emulator removes Docker containers of earlier runs. Those would belong to other programs.
        "DOCKER_HOST": "unix:///nonexistent/docker.sock",
    }
