"""One embedded cloud with the deployed app, shared by all end-to-end tests because a deployment takes half a minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from dataforge.tables.datasets import get_dataset
from local import cloud as embedded
from local.aws import ClientSettings, client_settings
from local.config import Config
from local.outputs import Outputs

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


@pytest.fixture(scope="session")
def cloud_config(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Config:
    """The configuration of the shared cloud, whose state folder is accessible to this user only."""
    state = tmp_path_factory.mktemp("cloud") / "state"
    return Config(state=state, aws_port=free_port(), pg_port=free_port())


@pytest.fixture(scope="session")
def cloud(cloud_config: Config) -> Iterator[Outputs]:
    """The shared cloud's outputs: bucket names, state machines, URLs."""
    with embedded.running(cloud_config) as outputs:
        yield outputs


@pytest.fixture(scope="session")
def aws(cloud: Outputs) -> ClientSettings:
    """For ``boto3.client("s3", **aws)``."""
    return client_settings(cloud)


@pytest.fixture(scope="session")
def empty_olist(cloud: Outputs) -> Callable[[], None]:
    """Delete all rows of the Olist tables, which other tests have filled."""

    def empty() -> None:
        tables = ", ".join(f"olist.{name}" for name in get_dataset("olist").tables)
        with closing(psycopg2.connect(cloud["database_url"])) as db, db, db.cursor() as cursor:
            cursor.execute(f"TRUNCATE {tables}")

    return empty


@pytest.fixture
def superuser(cloud: Outputs) -> Iterator[Connection]:
    """A superuser connection to the app's database in autocommit mode."""
    with closing(psycopg2.connect(cloud["database_url"])) as db:
        db.autocommit = True
        yield db


@pytest.fixture(scope="module")
def tiny_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CDK app that deploys in seconds, for tests of the cloud itself."""
    folder = tmp_path_factory.mktemp("tiny-app")
    (folder / "cdk.json").write_text('{"app": "python app.py"}')
    (folder / "app.py").write_text(TINY)
    return folder


TINY = """
import aws_cdk as cdk

app = cdk.App()
stack = cdk.Stack(app, "Tiny")
bucket = cdk.CfnResource(stack, "Bucket", type="AWS::S3::Bucket")
cdk.CfnOutput(stack, "RawBucket", value=bucket.ref)
app.synth()
"""
