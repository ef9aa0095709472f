"""A fresh deployment: tables without a row are backed up and restored, and a second deployment changes nothing.

Both are steps of `make smoke-aws`; here they run on a separate embedded cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local import cloud
from local.command import dataforge
from local.config import Config
from local.outputs import Outputs
from local.smoke_aws.prove import prove_empty_restore, require_healthy


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Config:
    state = tmp_path_factory.mktemp("cloud") / "state"
    return Config(state=state, aws_port=free_port(), pg_port=free_port())


@pytest.fixture(scope="module")
def deployed(config: Config) -> Iterator[Outputs]:
    with cloud.running(config) as outputs:
        yield outputs


def target(config: Config) -> list[str]:
    return ["--outputs", str(config.outputs)]


def test_backup_of_empty_tables_is_restored_into_empty_tables(config: Config, deployed: Outputs) -> None:
    lines: list[str] = []
    prove_empty_restore(target(config), lines.append)
    assert lines == ["restored a backup of empty tables into empty tables"]


def test_second_deployment_changes_no_output_and_stays_healthy(config: Config, deployed: Outputs) -> None:
    changing = {"api_key", "writer_key", "reader_key"}
    again = cloud.up(config)
    assert {n: v for n, v in again.items() if n not in changing} == {
        n: v for n, v in deployed.items() if n not in changing
    }
    require_healthy(target(config))


def test_connect_prints_the_address_of_the_embedded_database(config: Config, deployed: Outputs) -> None:
    assert deployed["database_url"] in dataforge(target(config), "connect")["psql"]
