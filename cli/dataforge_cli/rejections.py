"""A migration's rejections, as they lie beside its report: saved into a file, to be corrected."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from dataforge_cli.deployment import Deployment
from dataforge_cli.errors import WrongCall
from dataforge_cli.failures import error_code


class NoReport(WrongCall):
    """The migration is unknown, or it ended before there was anything to report."""

    def __init__(self, migration: str, deployment: str) -> None:
        super().__init__(
            f"No report of a migration {migration!r} in {deployment}. `dataforge status` shows the newest migration."
        )


def save_rejections(deployment: Deployment, migration: str, table: str, code: str, path: Path) -> int:
    """Write those of the table, and with the code, as JSON Lines; returns how many. Raises ``NoReport``, ``OSError``."""
    parts = read_report(deployment, migration)["rejection_files"]
    with path.open("wb") as file:
        count = 0
        for line in _lines(deployment, parts, table):
            if not code or any(error["code"] == code for error in json.loads(line)["errors"]):
                file.write(line + b"\n")
                count += 1
    return count


def _lines(deployment: Deployment, parts: Iterable[dict[str, Any]], table: str) -> Iterator[bytes]:
    for part in parts:
        if not table or part["table"] == table:
            key = part["uri"].removeprefix(f"s3://{deployment['report_bucket']}/")
            body = deployment.s3.get_object(Bucket=deployment["report_bucket"], Key=key)["Body"]
            yield from body.iter_lines()


def read_report(deployment: Deployment, migration: str) -> dict[str, Any]:
    """The report of a migration. Raises ``NoReport``."""
    key = f"runs/{migration}/report.json"
    try:
        answer = deployment.s3.get_object(Bucket=deployment["report_bucket"], Key=key)
    except ClientError as error:
        if error_code(error) == "NoSuchKey":
            raise NoReport(migration, deployment.name) from error
        raise
    report: dict[str, Any] = json.loads(answer["Body"].read())
    return report
