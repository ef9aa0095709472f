"""Save a migration's rejections, which are stored beside its report, into a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from botocore.exceptions import ClientError

from dataforge.runs.results.report import RejectionFile, Report
from dataforge.s3.keys import replayed_folder, report_key
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.failures import error_code
from dataforge_cli.errors import WrongCall


class NoReport(WrongCall):
    """The migration does not exist, or has no report."""

    code = "NoReport"
    hint = "`dataforge status` shows the newest migration."

    def __init__(self, migration: str, deployment: str) -> None:
        super().__init__(f"No report of a migration {migration!r} in {deployment}.")


def save_rejections(deployment: Deployment, migration: str, table: str, code: str, path: Path) -> int:
    """Write the rejections of a table and code, except replayed ones, as JSON Lines. Returns their number.

    Raises ``NoReport``, ``OSError``.
    """
    parts = read_report(deployment, migration).rejection_files
    stored = _replayed(deployment, migration)
    with path.open("wb") as file:
        count = 0
        for line in _lines(deployment, parts, table):
            rejection = json.loads(line)
            codes = {error["code"] for error in rejection["errors"]}
            if rejection["id"] not in stored and (not code or code in codes):
                file.write(line + b"\n")
                count += 1
    return count


def _replayed(deployment: Deployment, migration: str) -> set[int]:
    """Return the ids of the migration's rejections that replays have stored."""
    bucket, found = deployment["report_bucket"], set[int]()
    pages = deployment.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=replayed_folder(migration)
    )
    for key in (item["Key"] for page in pages for item in page.get("Contents", [])):
        found.update(json.loads(deployment.s3.get_object(Bucket=bucket, Key=key)["Body"].read())["ids"])
    return found


def _lines(deployment: Deployment, parts: Iterable[RejectionFile], table: str) -> Iterator[bytes]:
    for part in parts:
        if not table or part.table == table:
            key = part.uri.removeprefix(f"s3://{deployment['report_bucket']}/")
            body = deployment.s3.get_object(Bucket=deployment["report_bucket"], Key=key)["Body"]
            yield from body.iter_lines()


def read_report(deployment: Deployment, migration: str) -> Report:
    """Return the report of a migration. Raises ``NoReport``."""
    key = report_key(migration)
    try:
        answer = deployment.s3.get_object(Bucket=deployment["report_bucket"], Key=key)
    except ClientError as error:
        if error_code(error) == "NoSuchKey":
            raise NoReport(migration, deployment.name) from error
        raise
    return Report.model_validate_json(answer["Body"].read())
