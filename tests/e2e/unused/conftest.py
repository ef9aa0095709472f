"""The calls of all end-to-end tests, which ran before this folder's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from local.aws import ClientSettings
from local.config import Config
from local.permissions.deployed import Deployed, collect, write
from local.permissions.recorded import Recorded, read_calls

E2E = Path(__file__).parent.parent
STACK = "DataForge-dev"


@pytest.fixture(scope="session")
def whole_suite(request: pytest.FixtureRequest) -> None:
    """Skip if tests were selected: the others would use permissions too."""
    collected = {item.path.parent for item in request.session.items}
    folders = {file.parent for file in E2E.rglob("test_*.py")}
    if not folders <= collected or request.config.option.keyword:
        pytest.skip("needs the calls of all end-to-end tests")


@pytest.fixture(scope="session")
def deployed(whole_suite: None, aws: ClientSettings, cloud_config: Config) -> Deployed:
    """The policies of the stack; ``make prove`` reads them, with the calls, in the folder of a variable."""
    found, file = collect(STACK, aws), cloud_config.calls.with_name("policies.json")
    write(found, file)
    if folder := os.environ.get("DATAFORGE_RECORDED"):
        for recorded in (file, cloud_config.calls):
            shutil.copy(recorded, folder)
    return found


@pytest.fixture(scope="session")
def calls(deployed: Deployed, cloud_config: Config) -> list[Recorded]:
    """The recorded calls of the stack's roles, and of services to the stack's resources."""
    return [one for one in read_calls(cloud_config.calls) if deployed.covers(one.call)]
