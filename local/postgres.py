"""Run PostgreSQL, with password authentication, on the data that an earlier start has stored.

It listens on the loopback address for programs that need a plain server: tests of SQL, and benchmarks. In the embedded cloud
it listens on a socket only, and `local.rds` is in front of it.
"""

import contextlib
import json
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2

from local import guard, processes, unprivileged
from local.config import HOST, Config
from local.postgres_cluster import (
    NAME,
    binaries,
    delete_home,
    environment,
    initialise,
    keep_superuser,
    make_home,
)


def start(config: Config, sockets: Path | None = None) -> None:
    """Serve the stored cluster, or a new one. Raises ``StartFailed``.

    ``sockets``: a folder with pg_hba.conf and pg_ident.conf, where the server listens instead of the loopback address.
    """
    for folder in (config.data, config.run, config.logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    user = unprivileged.user()
    if config.superuser.exists():
        home = config.postgres.resolve()
        _end_orphans(home / "data")
    else:
        delete_home(config)
        home = make_home(config, user)
    programs = binaries(config.pg_version, home, user)
    if not config.superuser.exists():
        password = secrets.token_urlsafe(24)
        initialise(programs, home, password, user, config)
        keep_superuser(config, password)
    options = ["-h", HOST, "-k", ""]
    if sockets:
        files = [f"hba_file={sockets}/pg_hba.conf", f"ident_file={sockets}/pg_ident.conf"]
        options = ["-h", "", "-k", str(sockets), *(word for file in files for word in ("-c", file))]
    processes.start(
        pid_file(config),
        [programs / "postgres", "-D", home / "data", "-p", str(config.pg_port), *options],
        env=environment(),
        cwd=home,
        log=log(config),
        user=user,
    )
    processes.wait_until_ready(
        NAME, pid_file(config), log(config), lambda: _accepts(config, str(sockets or HOST))
    )


def stop(config: Config) -> None:
    """Stop the server; it ends open sessions and writes a checkpoint."""
    processes.stop(pid_file(config), signal.SIGINT)


def reset(config: Config) -> None:
    """Stop the server immediately, without a checkpoint, and delete its data."""
    processes.stop(pid_file(config), signal.SIGQUIT)
    delete_home(config)


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


def _accepts(config: Config, host: str) -> bool:
    account = json.loads(config.superuser.read_text()) | {"host": host}
    with contextlib.suppress(psycopg2.OperationalError):
        psycopg2.connect(**account, dbname="postgres", connect_timeout=2).close()
        return True
    return False
