"""The request of a restore, before its backup is read."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from dataforge.errors import NoSuchBackup
from functions.restore.request import read_input
from functions.restore.select import find_backup


@pytest.mark.parametrize("backup", ["nope", "../orders", "", "20261125T195930Z-1f0c2a9b"])
def test_error_for_an_unknown_backup_names_it_for_any_text(backup: str) -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="eu-west-1")
        s3.create_bucket(Bucket="backups", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        with pytest.raises(NoSuchBackup, match="There is no backup '" + backup.replace(".", r"\.")):
            find_backup(s3, "backups", read_input({"table": "orders", "backup": backup}))
