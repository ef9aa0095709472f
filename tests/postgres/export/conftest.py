"""An S3 and a database with every type of column, for exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from dataforge.postgres.ddl import dataset_statements
from dataforge.runs.exports import Export, Format
from dataforge.settings import ExportSettings
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from functions.export.export import export

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.conftest import Database

MakeExport = Callable[..., Export]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Client]:
    with mock_aws(), pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in ("backup", "report"):
            client.create_bucket(Bucket=bucket)
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture(scope="module")
def with_kitchen(module_database: Database, kitchen: Dataset) -> Iterator[Database]:
    """The module's database with the additional dataset ``kitchen``."""
    module_database.query(";".join(dataset_statements(kitchen)))
    module_database.query(
        "GRANT USAGE ON SCHEMA kitchen TO dataforge_export;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA kitchen TO dataforge_export"
    )
    DATASETS["kitchen"] = kitchen
    yield module_database
    del DATASETS["kitchen"]


@pytest.fixture
def make_export(with_kitchen: Database, s3: S3Client, kitchen: Dataset) -> MakeExport:
    """Return a function that exports a table of the kitchen with the role of the export function."""
    settings = ExportSettings(
        **with_kitchen.settings("dataforge_export").model_dump(),
        backup_bucket="backup",
        report_bucket="report",
    )

    def make(table: str, form: Format = "parquet", export_id: str = "20261125T200000Z-00000001") -> Export:
        with closing(with_kitchen.connect("dataforge_export")) as db:
            return export(db, s3, settings, export_id, kitchen.table(table), form)

    return make
