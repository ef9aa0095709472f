"""PostgreSQL 16 and 17: the tests on a real PostgreSQL and the end-to-end tests. PostgreSQL 15 is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from dataforge.errors import SchemaRefused
from dataforge.postgres.connection import connect
from dataforge.postgres.roles import LOGINS
from dataforge.settings import DatabaseSettings
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import examine
from local import postgres
from local.config import HOST, POSTGRES_SETTING, ROOT, Config
from local.ports import free_port

PARALLEL = ["-n", "2", "--dist", "loadscope"]


@pytest.mark.parametrize("version", ["16", "17"])
@pytest.mark.parametrize(("folder", "options"), [("tests/postgres", PARALLEL), ("tests/e2e", [])])
def test_tests_of_the_newest_version_pass_on_an_older_one(
    version: str, folder: str, options: list[str]
) -> None:
    command = [sys.executable, "-m", "pytest", "-q", *options, folder]
    environment = {**os.environ, POSTGRES_SETTING: version}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-10_000:]


def test_version_15_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    config = Config(state=tmp_path, pg_port=free_port(), pg_version=15)
    with postgres.serving(config), closing(psycopg2.connect(postgres.url(config, "postgres"))) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'for the test'")
            cursor.execute("CREATE DATABASE data OWNER master")
        place = {"db_host": HOST, "db_port": config.pg_port, "db_name": "data", "db_sslmode": "disable"}
        settings = DatabaseSettings.model_validate({**place, "db_user": "master", "db_auth": "secret"})
        with closing(connect(settings, "for the test")) as master:
            with pytest.raises(
                SchemaRefused, match=r"needs PostgreSQL 16 or newer; this server is PostgreSQL 15\."
            ):
                apply(master, dict.fromkeys(LOGINS, "for the test"))
            assert [finding["code"] for finding in examine(master)] == ["server_version"]
        with db.cursor() as cursor:
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1")
            assert cursor.fetchall() == [("master",), ("postgres",)]
