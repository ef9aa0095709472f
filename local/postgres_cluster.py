"""Create the files of an embedded PostgreSQL: its folder, its programs, and an empty cluster."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from local import postgres_programs, processes, unprivileged
from local.config import HOST, Config
from local.errors import StartFailed

SUPERUSER = "postgres"
NAME = "PostgreSQL"


def make_home(config: Config, user: tuple[int, int] | None) -> Path:
    """An empty folder for the data, which the server's user can reach."""
    if user is None:
        config.postgres.mkdir(mode=0o700)
        return config.postgres
    home = unprivileged.make(config.state, user)
    config.postgres.symlink_to(home)
    return home


def delete_home(config: Config) -> None:
    """Delete the data."""
    config.superuser.unlink(missing_ok=True)
    if unprivileged.user() is not None:
        unprivileged.remove(config.state)
    if config.postgres.is_symlink():
        config.postgres.unlink()
    shutil.rmtree(config.postgres, ignore_errors=True)


def binaries(version: int, home: Path, user: tuple[int, int] | None) -> Path:
    """The folder of `postgres` and `initdb`: the installed one, or a copy where another user can reach it."""
    root, parts = postgres_programs.root(version), postgres_programs.parts(version)
    if user is None:
        return parts[0] / "bin"
    copies = [home / "install" / part.relative_to(root) for part in parts]
    shutil.rmtree(home / "install", ignore_errors=True)
    for part, copy in zip(parts, copies, strict=True):
        shutil.copytree(part, copy, symlinks=True)
    return copies[0] / "bin"


def initialise(
    programs: Path, home: Path, password: str, user: tuple[int, int] | None, config: Config
) -> None:
    """Create an empty cluster with a superuser. Raises ``StartFailed``."""
    password_file = home / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    identity: dict[str, object] = {}
    if user is not None:
        os.chown(password_file, *user)
        identity = {"user": user[0], "group": user[1], "extra_groups": []}
    command = [programs / "initdb", "-D", home / "data", "-U", SUPERUSER, "--pwfile", password_file]
    options = ["--auth=scram-sha-256", "--encoding=UTF8", *postgres_programs.locale(config.pg_version)]
    log = config.logs / "postgres.log"
    with log.open("ab") as output:
        done = subprocess.run(
            [*command, *options],
            env=environment(),
            cwd=home,
            stdout=output,
            stderr=output,
            check=False,
            **identity,  # type: ignore[call-overload]
        )
    password_file.unlink()
    if done.returncode:
        raise StartFailed(NAME, log, processes.tail(log))


def keep_superuser(config: Config, password: str) -> None:
    """Store the address and the credentials of the superuser."""
    account = {"host": HOST, "port": config.pg_port, "user": SUPERUSER, "password": password}
    config.superuser.touch(mode=0o600)
    config.superuser.write_text(json.dumps(account))


def environment() -> dict[str, str]:
    """The environment of the server's programs."""
    # The server's messages, sort order and time zone must not depend on the machine.
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
