"""Where the embedded cloud lives and listens: from the environment, `.env`, or the defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from local.errors import LocalCloudError

ROOT = Path(__file__).resolve().parent.parent
CLOUD_PYTHON = ROOT / ".local" / "cloud-venv" / "bin" / "python"
HOST = "127.0.0.1"
STATE_SETTING, AWS_PORT_SETTING, PG_PORT_SETTING, REGION_SETTING, POSTGRES_SETTING = (
    "DATAFORGE_STATE",
    "DATAFORGE_AWS_PORT",
    "DATAFORGE_PG_PORT",
    "DATAFORGE_REGION",
    "DATAFORGE_POSTGRES",
)
POSTGRES_VERSIONS = (16, 17, 18)
DEFAULT_POSTGRES = 18


class BadSetting(LocalCloudError):
    """A setting's value cannot be used."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name}={value!r}: {wanted}.")


def _version_of_environment() -> int:
    return postgres_version(os.environ.get(POSTGRES_SETTING))


@dataclass(frozen=True)
class Config:
    """One embedded cloud. Two with different folders and ports run side by side."""

    state: Path = ROOT / ".local"
    aws_port: int = 4566
    pg_port: int = 15432
    pg_version: int = field(default_factory=_version_of_environment)
    """PostgreSQL's major version. The environment selects it, also for the tests."""
    region: str = "eu-west-1"
    context: tuple[tuple[str, str], ...] = ()
    """CDK context beyond what every local deployment passes, as (key, value)."""
    app: Path = ROOT
    """The folder whose cdk.json names the CDK app."""
    temporary: bool = False
    """Whether no start continues with its data, so that the emulator need not store the state of the services."""

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.aws_port}"

    @property
    def run(self) -> Path:
        """Pid files of the running cloud, and the credentials of this start."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """Retained after `down`, to analyse failures."""
        return self.state / "logs"

    @property
    def calls(self) -> Path:
        """JSON lines with every distinct call of a role, of a temporary cloud."""
        return self.logs / "calls.jsonl"

    @property
    def temp(self) -> Path:
        """The emulator's TMPDIR: unpacked functions and layers."""
        return self.state / "tmp"

    @property
    def data(self) -> Path:
        """Everything that a start continues with: PostgreSQL's files, S3's objects, the state of the services."""
        return self.state / "data"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's folder, or a link to it."""
        return self.data / "postgres"

    @property
    def superuser(self) -> Path:
        """JSON with host, port, user and password of PostgreSQL's superuser; readable by its owner alone."""
        return self.data / "superuser.json"

    @property
    def authority(self) -> Path:
        """The certificate of the authority that has signed PostgreSQL's: the root certificate of clients."""
        return self.data / "authority.pem"

    @property
    def sockets(self) -> Path:
        """A link to the folder of PostgreSQL's sockets."""
        return self.run / "sockets"

    @property
    def administrator(self) -> Path:
        """JSON with the credentials of the emulator's administrator; readable by its owner alone."""
        return self.run / "administrator.json"

    @property
    def outputs(self) -> Path:
        return self.state / "outputs.json"

    @property
    def settings(self) -> dict[str, str | int]:
        """The settings that stored data cannot change: addresses are part of it."""
        return {
            "aws_port": self.aws_port,
            "pg_port": self.pg_port,
            "pg_version": self.pg_version,
            "region": self.region,
        }


def from_environment(environ: Mapping[str, str] | None = None, env_file: Path = ROOT / ".env") -> Config:
    """The user's configuration: the environment takes precedence over `.env`, and `.env` over the defaults.

    A relative state folder is taken from the root of the clone. Raises ``BadSetting``.
    """
    given = dotenv_values(env_file) | dict(os.environ if environ is None else environ)
    values = {name: value for name, value in given.items() if value}
    default = Config()
    return Config(
        state=(ROOT / values.get(STATE_SETTING, default.state)).resolve(),
        aws_port=_port(AWS_PORT_SETTING, values.get(AWS_PORT_SETTING), default.aws_port),
        pg_port=_port(PG_PORT_SETTING, values.get(PG_PORT_SETTING), default.pg_port),
        pg_version=postgres_version(values.get(POSTGRES_SETTING)),
        region=values.get(REGION_SETTING, default.region),
    )


def postgres_version(text: str | None) -> int:
    """The major version of this text; without one the default. Raises ``BadSetting``."""
    known = {str(version): version for version in POSTGRES_VERSIONS}
    if not text:
        return DEFAULT_POSTGRES
    if text not in known:
        raise BadSetting(POSTGRES_SETTING, text, f"the versions are {', '.join(known)}")
    return known[text]


def _port(name: str, value: str | None, default: int) -> int:
    try:
        return default if value is None else port(value)
    except ValueError as error:
        raise BadSetting(name, value or "", str(error)) from error


def port(text: str) -> int:
    """A TCP port's number. Raises ``ValueError``."""
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 65536:
        raise ValueError("the port must be a number from 1 to 65535")
    return int(text)
