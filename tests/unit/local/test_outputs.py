from pathlib import Path

import pytest

from local import outputs


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RawBucket", "raw_bucket"),
        ("MigrationArn", "migration_arn"),
        ("Region", "region"),
        ("ApiUrl", "api_url"),
        ("DBName", "db_name"),
        ("VpcId2", "vpc_id2"),
    ],
)
def test_names_are_converted_to_snake_case(name: str, expected: str) -> None:
    assert outputs.snake_case(name) == expected


def test_outputs_of_all_stacks_are_merged() -> None:
    stacks = {"One": {"RawBucket": "raw"}, "Two": {"ApiUrl": "http://api"}}
    assert outputs.from_stacks(stacks) == {"raw_bucket": "raw", "api_url": "http://api"}


def test_file_round_trips_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    outputs.write(path, {"api_key": "ä"})
    outputs.write(path, {"api_key": "b"})
    assert outputs.read(path) == {"api_key": "b"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
