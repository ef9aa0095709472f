"""Run PostgreSQL on the loopback address with password authentication, on the data that an earlier start has stored."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2

from local import guard, postgres_programs, processes, unprivileged
from local.config import HOST, Config
from local.errors import StartFailed

SUPERUSER = "postgres"
NAME = "PostgreSQL"


def start(config: Config) -> None:
    """Serve the stored cluster, or a new one. Raises ``StartFailed``."""
    for folder in (config.data, config.run, config.logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    user = unprivileged.user()
    if config.superuser.exists():
        home = config.postgres.resolve()
        _end_orphans(home / "data")
    else:
        _delete(config)
        home = _make_home(config, user)
    binaries = _binaries(config.pg_version, home, user)
    if not config.superuser.exists():
        password = secrets.token_urlsafe(24)
        _initialise(binaries, home, password, user, config)
        _keep_superuser(config, password)
    processes.start(
        pid_file(config),
        [binaries / "postgres", "-D", home / "data", "-h", HOST, "-p", str(config.pg_port), "-k", ""],
        env=_environment(),
        cwd=home,
        log=log(config),
        user=user,
    )
    processes.wait_until_ready(NAME, pid_file(config), log(config), lambda: _accepts(config))


def stop(config: Config) -> None:
    """Stop the server; it ends open sessions and writes a checkpoint."""
    processes.stop(pid_file(config), signal.SIGINT)


def reset(config: Config) -> None:
    """Stop the server immediately, without a checkpoint, and delete its data."""
    processes.stop(pid_file(config), signal.SIGQUIT)
    _delete(config)


def _delete(config: Config) -> None:
    config.superuser.unlink(missing_ok=True)
    if unprivileged.user() is not None:
        unprivileged.remove(config.state)
    if config.postgres.is_symlink():
        config.postgres.unlink()
    shutil.rmtree(config.postgres, ignore_errors=True)


@contextlib.contextmanager
def serving(config: Config) -> Iterator[None]:
    """Run a server for the duration of a block, without the AWS emulator."""
    with guard.watch(config):
        try:
            start(config)
            yield
        finally:
            reset(config)


def running(config: Config) -> bool:
    return processes.find(pid_file(config)) is not None


def pid_file(config: Config) -> Path:
    return config.run / "postgres.pid"


def log(config: Config) -> Path:
    return config.logs / "postgres.log"


def url(config: Config, database: str) -> str:
    """The URL with which the superuser connects."""
    account = json.loads(config.superuser.read_text())
    return f"postgresql://{account['user']}:{account['password']}@{HOST}:{config.pg_port}/{database}"


def _make_home(config: Config, user: tuple[int, int] | None) -> Path:
    if user is None:
        config.postgres.mkdir(mode=0o700)
        return config.postgres
    home = unprivileged.make(config.state, user)
    config.postgres.symlink_to(home)
    return home


def _binaries(version: int, home: Path, user: tuple[int, int] | None) -> Path:
    """The folder of `postgres` and `initdb`: the installed one, or a copy where another user can reach it."""
    root, parts = postgres_programs.root(version), postgres_programs.parts(version)
    if user is None:
        return parts[0] / "bin"
    copies = [home / "install" / part.relative_to(root) for part in parts]
    shutil.rmtree(home / "install", ignore_errors=True)
    for part, copy in zip(parts, copies, strict=True):
        shutil.copytree(part, copy, symlinks=True)
    return copies[0] / "bin"


def _end_orphans(data: Path) -> None:
    """End the remaining processes of a server that ended abruptly, and delete its lock.

    The server itself refuses to start while a process, also an unrelated one, has the number in the lock.
    """
    orphans = [process for process in psutil.process_iter() if _works_in(process, data)]
    for process in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(orphans, timeout=10)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder)
    except (psutil.Error, OSError):  # of another user, or ended
        return False


def _initialise(
    binaries: Path, home: Path, password: str, user: tuple[int, int] | None, config: Config
) -> None:
    password_file = home / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    identity: dict[str, object] = {}
    if user is not None:
        os.chown(password_file, *user)
        identity = {"user": user[0], "group": user[1], "extra_groups": []}
    command = [binaries / "initdb", "-D", home / "data", "-U", SUPERUSER, "--pwfile", password_file]
    options = ["--auth=scram-sha-256", "--encoding=UTF8", *postgres_programs.locale(config.pg_version)]
    with log(config).open("ab") as output:
        done = subprocess.run(
            [*command, *options],
            env=_environment(),
            cwd=home,
            stdout=output,
            stderr=output,
            check=False,
            **identity,  # type: ignore[call-overload]
        )
    password_file.unlink()
    if done.returncode:
        raise StartFailed(NAME, log(config), processes.tail(log(config)))


def _environment() -> dict[str, str]:
    # The server's messages, sort order and time zone must not depend on the machine.
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _keep_superuser(config: Config, password: str) -> None:
    account = {"host": HOST, "port": config.pg_port, "user": SUPERUSER, "password": password}
    config.superuser.touch(mode=0o600)
    config.superuser.write_text(json.dumps(account))


def _accepts(config: Config) -> bool:
    with contextlib.suppress(psycopg2.OperationalError):
        psycopg2.connect(url(config, "postgres"), connect_timeout=2).close()
        return True
    return False
