"""Invalid settings, declarations and requests."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from dataforge.errors.base import InvalidInput


class InvalidSettings(InvalidInput):
    """An environment variable of a function is missing or invalid."""

    code = "InvalidSettings"
    hint = "Deploy the stack again."
    status = HTTPStatus.INTERNAL_SERVER_ERROR


class TooFewConnections(InvalidSettings):
    """The settings need more connections than the database server has."""

    code = "TooFewConnections"
    hint = "Lower these settings, or increase the memory of the database (instanceClass)."


class InvalidDeclaration(InvalidInput, ValueError):
    """A module in `datasets/` contains an invalid declaration."""

    code = "InvalidDeclaration"
    status = HTTPStatus.INTERNAL_SERVER_ERROR


class UnusableBucket(InvalidInput):
    """A bucket of the deployment does not exist or access to it is denied."""

    code = "UnusableBucket"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    for_callers = (
        "The files of this request cannot be accessed. The log gives the reason under this instance."
    )

    def __init__(self, bucket: str, verb: str, reason: str) -> None:
        super().__init__(f"The bucket {bucket!r} cannot be {verb}: {reason}.")


class UnreadablePrefix(InvalidInput):
    """The objects below a prefix, given in place of a folder, cannot be listed or read."""

    code = "UnreadablePrefix"

    def __init__(self, prefix: str, reason: str, hint: str) -> None:
        super().__init__(f"{prefix} cannot be read: {reason}.", "", hint)


class UnknownDataset(InvalidInput):
    """No dataset has this name."""

    code = "UnknownDataset"
    status = HTTPStatus.NOT_FOUND

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(f"Unknown dataset {name!r}.", f"Datasets: {', '.join(sorted(known))}.")


class UnknownTable(InvalidInput):
    """The dataset has no table with this name."""

    code = "UnknownTable"
    status = HTTPStatus.NOT_FOUND

    def __init__(self, dataset: str, name: str, known: Iterable[str]) -> None:
        self.dataset, self.name = dataset, name
        super().__init__(f"Unknown table {name!r} in {dataset!r}.", f"Tables: {', '.join(known)}.")


class NoSuchBackup(InvalidInput):
    """No complete backup has this id, or the backup does not contain the table."""

    code = "NoSuchBackup"
    status = HTTPStatus.NOT_FOUND
    hint = "`dataforge backup list` and GET /v1/backups show the backups."


class NoSuchRun(InvalidInput):
    """No run has this id, or no run can be resumed, or the run has no rejections."""

    code = "NoSuchRun"
    status = HTTPStatus.NOT_FOUND
    hint = "`dataforge status` shows the newest migration, GET /v1/rejections the migration or batch of each rejection."

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"There is no {what}.", hint=hint)


class WrongCorrection(InvalidInput):
    """A line in a file of corrected rejections is invalid."""

    code = "WrongCorrection"

    def __init__(self, file: str, line: int, what: str) -> None:
        super().__init__(f"{file}, line {line}: {what}.")
