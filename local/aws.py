"""The AWS emulator: ministack with this project's patches, on the Python of `.local/cloud-venv`."""

import base64
import json
import os
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from dataforge.aws.clients import Access, embedded_session
from local import ports, processes
from local.config import CLOUD_PYTHON, HOST, ROOT, Config
from local.errors import NotInstalled

NAME = "The AWS emulator"
ACCOUNT = "000000000000"


class ClientSettings(TypedDict):
    """Keyword arguments for `boto3.client`."""

    endpoint_url: str
    region_name: str
    aws_access_key_id: str
    aws_secret_access_key: str


def connection(config: Config) -> dict[str, str]:
    """The address and the administrator's credentials, named as in ``outputs.json``. The emulator has been started."""
    administrator: dict[str, str] = json.loads(config.administrator.read_text())
    return {"aws_endpoint_url": config.endpoint, "region": config.region, **administrator}


def access(outputs: Mapping[str, str]) -> Access:
    """The connection settings of clients: `make_client("s3", THIS_MACHINE, access(outputs))`."""
    return Access(embedded_session(outputs), outputs["aws_endpoint_url"])


def client_settings(outputs: Mapping[str, str]) -> ClientSettings:
    """The arguments of a client of the emulator: `boto3.client("s3", **client_settings(outputs))`."""
    return {
        "endpoint_url": outputs["aws_endpoint_url"],
        "region_name": outputs["region"],
        "aws_access_key_id": outputs["aws_access_key_id"],
        "aws_secret_access_key": outputs["aws_secret_access_key"],
    }


CONCURRENCY = 10
"""Executions of functions at a time: what a new AWS account has."""


def bypass_proxies() -> None:
    """Connect this process and its children to this machine directly, regardless of proxies in the environment."""
    for name in ("NO_PROXY", "no_proxy"):
        known = [part for part in os.environ.get(name, "").split(",") if part]
        os.environ[name] = ",".join(dict.fromkeys([*known, HOST, "localhost"]))


def start(config: Config, tokens: Path | None = None) -> None:
    """Start the emulator with the stored state, or an empty one. Raises ``StartFailed``.

    ``tokens``: the socket on which it checks tokens for PostgreSQL, which must be up.
    """
    if not CLOUD_PYTHON.exists():
        raise NotInstalled(CLOUD_PYTHON)
    config.temp.mkdir()
    create_administrator(config)
    files = {
        "superuser": config.superuser,
        "authority": config.authority,
        "administrator": config.administrator,
    }
    if tokens:
        files["tokens"] = tokens
    if config.temporary:
        files["calls"] = config.calls
    else:
        files["data"] = config.data
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    processes.start(
        pid_file(config),
        [str(CLOUD_PYTHON), "-m", "local.emulator", *options],
        env=environment(config),
        cwd=ROOT,
        log=log(config),
    )
    processes.wait_until_ready(NAME, pid_file(config), log(config), lambda: ports.answers(config.aws_port))


def create_administrator(config: Config) -> None:
    """Generate the administrator's credentials, in the form of AWS."""
    key = "AKIA" + base64.b32encode(secrets.token_bytes(10)).decode()
    config.administrator.touch(mode=0o600)
    config.administrator.write_text(
        json.dumps({"aws_access_key_id": key, "aws_secret_access_key": secrets.token_urlsafe(30)})
    )


def stop(config: Config) -> None:
    """Stop the emulator and all its workers."""
    # SIGKILL: after SIGTERM it would run for two more seconds, and everything it has answered is stored.
    processes.stop(pid_file(config), signal.SIGKILL)
    processes.sweep(config.state)


def version() -> str:
    """The installed emulator, as in `ministack 1.5.33`; stored state is specific to it."""
    found = (CLOUD_PYTHON.parent.parent / "lib").glob("python3*/site-packages/ministack-*.dist-info")
    return next((path.name.removesuffix(".dist-info").replace("-", " ") for path in found), "ministack")


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
        "S3_PERSIST": "0" if config.temporary else "1",
        "S3_DATA_DIR": str(config.data / "s3"),
        # Disable unused listeners on fixed ports.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # At start the emulator removes Docker containers of earlier runs. Those would belong to other programs.
        "DOCKER_HOST": "unix:///nonexistent/docker.sock",
    }
