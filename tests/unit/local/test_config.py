from pathlib import Path

import pytest

from local.config import ROOT, BadSetting, Config, from_environment


def test_defaults_equal_those_of_the_example_file(tmp_path: Path) -> None:
    example = from_environment({}, ROOT / ".env.example")
    assert example == from_environment({}, tmp_path / "none") == Config()


def test_environment_takes_precedence_over_the_file(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("DATAFORGE_AWS_PORT=1111\nDATAFORGE_PG_PORT=2222\n")
    config = from_environment({"DATAFORGE_PG_PORT": "3333"}, env)
    assert (config.aws_port, config.pg_port) == (1111, 3333)


def test_environment_selects_the_version_of_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / ".env"
    env.write_text("DATAFORGE_POSTGRES=16\n")
    assert from_environment({}, env).pg_version == 16
    monkeypatch.setenv("DATAFORGE_POSTGRES", "17")
    assert Config().pg_version == 17
    monkeypatch.delenv("DATAFORGE_POSTGRES")
    assert Config().pg_version == 18


@pytest.mark.parametrize("value", ["15", "19", "17.1", "x"])
def test_error_for_an_unknown_version_lists_the_versions(value: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=f"DATAFORGE_POSTGRES='{value}': the versions are 16, 17, 18"):
        from_environment({"DATAFORGE_POSTGRES": value}, tmp_path / "none")


def test_empty_value_is_ignored(tmp_path: Path) -> None:
    assert from_environment({"DATAFORGE_AWS_PORT": "", "DATAFORGE_STATE": ""}, tmp_path / "none") == Config()


def test_relative_state_folder_is_relative_to_the_repository(tmp_path: Path) -> None:
    assert from_environment({"DATAFORGE_STATE": "elsewhere"}, tmp_path).state == ROOT / "elsewhere"
    assert from_environment({"DATAFORGE_STATE": "/elsewhere"}, tmp_path).state == Path("/elsewhere")


@pytest.mark.parametrize("value", ["x", "0", "65536", "-1", "45 66", "١٢"])
def test_error_for_an_invalid_port_names_its_setting(value: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=f"DATAFORGE_PG_PORT='{value}'"):
        from_environment({"DATAFORGE_PG_PORT": value}, tmp_path / "none")
