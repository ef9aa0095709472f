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


def test_empty_value_is_ignored(tmp_path: Path) -> None:
    assert from_environment({"DATAFORGE_AWS_PORT": "", "DATAFORGE_STATE": ""}, tmp_path / "none") == Config()


def test_relative_state_folder_is_relative_to_the_repository(tmp_path: Path) -> None:
    assert from_environment({"DATAFORGE_STATE": "elsewhere"}, tmp_path).state == ROOT / "elsewhere"
    assert from_environment({"DATAFORGE_STATE": "/elsewhere"}, tmp_path).state == Path("/elsewhere")


@pytest.mark.parametrize("value", ["x", "0", "65536", "-1", "45 66", "١٢"])
def test_error_for_an_invalid_port_names_its_setting(value: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=f"DATAFORGE_PG_PORT='{value}'"):
        from_environment({"DATAFORGE_PG_PORT": value}, tmp_path / "none")
