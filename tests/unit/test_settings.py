"""Settings read from the environment; errors name variables and never their values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dataforge.errors import InvalidSettings
from dataforge.settings import DatabaseSettings, MigrationSettings, Settings, read

GOOD = {
    "DB_HOST": "localhost",
    "DB_NAME": "forge",
    "DB_USER": "loader",
    "RAW_BUCKET": "raw",
    "REPORT_BUCKET": "report",
}


def test_variables_are_read_by_their_names_and_others_are_ignored() -> None:
    settings = read(MigrationSettings, GOOD | {"DB_PORT": "5433", "CHUNK_BYTES": "64", "PATH": "/bin"})
    assert (settings.db_host, settings.db_port, settings.chunk_bytes) == ("localhost", 5433, 64)


def test_defaults_are_safe() -> None:
    settings = read(MigrationSettings, GOOD)
    assert (settings.db_auth, settings.db_sslmode, settings.db_port) == ("iam", "verify-full", 5432)
    assert Path(settings.db_sslrootcert).parts[-3:] == ("dataforge", "certs", "rds-global-bundle.pem")


def test_environment_of_the_process_is_the_default_source(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert read(DatabaseSettings).db_name == "forge"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DB_PORT", "hunter2"),
        ("DB_PORT", "0"),
        ("DB_PORT", "65536"),
        ("DB_PORT", ""),
        ("DB_AUTH", "hunter2"),
        ("DB_SSLMODE", "prefer"),
        ("CHUNK_BYTES", "63"),
        ("DB_LOCK_SECONDS", "-7"),
    ],
)
def test_error_has_the_name_of_an_invalid_variable_and_not_its_value(variable: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=variable) as raised:
        read(MigrationSettings, GOOD | {variable: value})
    assert value == "" or value not in str(raised.value).replace("65535", "").replace("64", "")
    assert "hunter2" not in repr(raised.value.__cause__)


def test_error_lists_all_missing_variables() -> None:
    with pytest.raises(InvalidSettings) as raised:
        read(MigrationSettings, {})
    assert all(name in str(raised.value) for name in GOOD)


def test_settings_are_immutable() -> None:
    settings = read(DatabaseSettings, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        settings.db_host = "elsewhere"  # type: ignore[misc]


def test_no_setting_is_a_password() -> None:
    models = [Settings]
    for model in models:
        models += model.__subclasses__()
        assert not [name for name in model.model_fields if "password" in name or "token" in name]


@pytest.mark.slow
def test_nothing_is_read_or_opened_at_import() -> None:
    modules = (
        "dataforge.postgres.connection",
        "dataforge.s3.objects",
        "functions.migrate.handler",
        "functions.schema.handler",
    )
    code = f"import sys; sys.path[:] = {sys.path!r}; import {', '.join(modules)}"
    subprocess.run([sys.executable, "-c", code], env={}, check=True, timeout=60)
