"""With `backupLockDays` the jobs of `make smoke-aws` succeed, and no version of a backup's object can be deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local import cloud
from local.aws import client_settings
from local.config import Config
from local.outputs import Outputs
from local.smoke_aws.prove import prove


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Outputs]:
    """A cloud on which backups are locked, after all jobs."""
    config = Config(
        state=tmp_path_factory.mktemp("cloud") / "state",
        aws_port=free_port(),
        pg_port=free_port(),
        context=(("backupLockDays", "10"),),
    )
    with cloud.running(config) as outputs:
        prove(["--outputs", str(config.outputs)], outputs["api_url"], lambda _line: None)
        yield outputs


@pytest.fixture(scope="module")
def s3(deployed: Outputs) -> Any:
    return boto3.client("s3", **client_settings(deployed))


@pytest.fixture(scope="module")
def versions(deployed: Outputs, s3: Any) -> list[dict[str, str]]:
    """Bucket, key and version of everything in the backup bucket."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=deployed["backup_bucket"])
    return [
        {"Bucket": deployed["backup_bucket"], "Key": version["Key"], "VersionId": version["VersionId"]}
        for page in pages
        for version in page.get("Versions", ())
    ]


def test_every_version_of_a_backup_is_locked(s3: Any, versions: list[dict[str, str]]) -> None:
    assert any(version["Key"].endswith(".parquet") for version in versions)
    assert any(version["Key"].endswith("/manifest.json") for version in versions)
    for version in versions:
        assert s3.get_object_retention(**version)["Retention"]["Mode"] == "GOVERNANCE"


def test_locked_version_is_not_deleted(s3: Any, versions: list[dict[str, str]]) -> None:
    with pytest.raises(ClientError, match="object lock"):
        s3.delete_object(**versions[0])
