"""Start and stop PostgreSQL with the process in front of it."""

import contextlib
import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg2

from local import postgres, processes, unprivileged
from local.config import CLOUD_PYTHON, HOST, ROOT, Config
from local.errors import NotInstalled
from local.rds import certificates
from local.rds.entrance import TOKENS

NAME = "The entrance to PostgreSQL"
SOCKETS = "/tmp"  # noqa: S108  a private folder there; the path of a socket has at most 103 bytes
# The second line is for the master, which may grant rds_iam, and therefore has its admin option, but is not a member.
ACCESS = """\
local all postgres scram-sha-256
local all +rds_superuser scram-sha-256
local all +rds_iam peer map=verified
local all all scram-sha-256
"""
# As on RDS, the master is not a superuser. It may create databases and roles, watch and end sessions, and grant rds_iam,
# of which it is not a member: members have no passwords.
ROLES = """
DO $$ BEGIN
    IF to_regrole('rds_superuser') IS NULL THEN
        CREATE ROLE rds_superuser;
        CREATE ROLE rds_iam;
        GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser WITH ADMIN OPTION;
    END IF;
    GRANT rds_iam TO rds_superuser WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
END $$
"""


def start(config: Config) -> None:
    """Serve the stored data, or none. Raises ``StartFailed``."""
    if not CLOUD_PYTHON.exists():
        raise NotInstalled(CLOUD_PYTHON)
    folder = _make_sockets(config)
    postgres.start(config, folder)
    if not (config.authority.exists() and _certificate(config).exists()):
        certificates.make(config.authority, _certificate(config))
    options = {
        "host": HOST,
        "port": config.pg_port,
        "certificate": _certificate(config),
        "superuser": config.superuser,
        "sockets": folder,
    }
    processes.start(
        pid_file(config),
        [CLOUD_PYTHON, "-m", "local.rds", *(f"--{name}={value}" for name, value in options.items())],
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", processes.MARKER: str(config.state)},
        cwd=ROOT,
        log=log(config),
    )
    processes.wait_until_ready(NAME, pid_file(config), log(config), lambda: _accepts(config))
    with contextlib.closing(psycopg2.connect(url(config, "postgres"))) as db, db, db.cursor() as cursor:
        cursor.execute(ROLES)


def stop(config: Config) -> None:
    """Stop both; PostgreSQL ends open sessions and writes a checkpoint."""
    processes.stop(pid_file(config), signal.SIGTERM)
    postgres.stop(config)
    _remove_sockets(config)


def reset(config: Config) -> None:
    """Stop both immediately, and delete the data."""
    processes.stop(pid_file(config), signal.SIGKILL)
    postgres.reset(config)
    _remove_sockets(config)


def running(config: Config) -> bool:
    return postgres.running(config) and processes.find(pid_file(config)) is not None


def pid_file(config: Config) -> Path:
    return config.run / "entrance.pid"


def log(config: Config) -> Path:
    return config.logs / "entrance.log"


def url(config: Config, database: str) -> str:
    """The URL with which the superuser connects, with the parameters of TLS."""
    root = quote(str(config.authority), safe="/")
    return f"{postgres.url(config, database)}?sslmode=verify-full&sslrootcert={root}"


def tokens(config: Config) -> Path:
    """The socket on which the emulator checks tokens."""
    return config.sockets.resolve() / TOKENS


def _certificate(config: Config) -> Path:
    return config.data / "postgres.pem"


def _make_sockets(config: Config) -> Path:
    """A new private folder of the user that PostgreSQL runs as."""
    _remove_sockets(config)
    folder, user = Path(tempfile.mkdtemp(prefix="dataforge-", dir=SOCKETS)).resolve(), unprivileged.user()
    config.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    config.sockets.symlink_to(folder)
    files = {"pg_hba.conf": ACCESS, "pg_ident.conf": f"verified {_own_name()} all\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    for path in (folder, *folder.iterdir()) if user else ():
        os.chown(path, *user or ())
    return folder


def _remove_sockets(config: Config) -> None:
    if config.sockets.is_symlink():
        shutil.rmtree(config.sockets.resolve(), ignore_errors=True)
        config.sockets.unlink()


def _own_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _accepts(config: Config) -> bool:
    with contextlib.suppress(psycopg2.OperationalError):
        psycopg2.connect(url(config, "postgres"), connect_timeout=2).close()
        return True
    return False
