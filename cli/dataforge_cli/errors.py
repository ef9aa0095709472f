"""Errors of the command line.

The exit code is 1 if the work failed, 2 if the call was wrong, 130 after Ctrl-C, and 143 after SIGTERM.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from dataforge.errors import CodedError

_SHOWN = 20


class CommandError(CodedError):
    """The command failed."""

    code = "CommandError"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, detail: str = "", hint: str = "", *, name: str = "", execution: str | None = None
    ) -> None:
        """``name``: the code that another system reported, instead of the class's; ``execution``: the ARN, if any."""
        self.name, self.execution = name or self.code, execution
        super().__init__(message, detail, hint)

    def document(self) -> dict[str, Any]:
        """The document that ``--json`` prints."""
        return {"status": "failed", "error": self.name, "cause": str(self), "execution": self.execution}


class NoSpace(CommandError):
    """A disk is full: that of the temporary folder, or of the file that was written."""

    code = "NoSpace"
    hint = "Free space, or set TMPDIR to a folder on a larger disk."

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"A disk is full; temporary files are in {tempfile.gettempdir()}.", str(error))

    @staticmethod
    def causes(error: BaseException) -> bool:
        """Whether a full disk is the cause of the error, also of one of DuckDB or Arrow, which have no number."""
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        return full or any(
            text in str(error) for text in (os.strerror(errno.ENOSPC), "max_temp_directory_size")
        )


class AwsFailed(CommandError):
    """AWS rejected a call or is unreachable; where AWS reports a code, that code is reported."""

    code = "AwsFailed"


class NoOutput(CommandError):
    """The deployment lacks an output: it is older than the command line or incomplete."""

    code = "NoOutput"
    hint = "Deploy this version of the app, then try again."

    def __init__(self, deployment: str, output: str) -> None:
        super().__init__(f"{deployment} has no output {output}.")


class FunctionFailed(CommandError):
    """A Lambda function failed; its code is reported."""

    code = "FunctionFailed"


class ExecutionFailed(CommandError):
    """An execution failed; its code is reported."""

    code = "ExecutionFailed"

    def __init__(self, execution: str, error: str, cause: str) -> None:
        self.cause = cause
        super().__init__(f"{error}: {cause}" if cause else error, name=error, execution=execution)

    def document(self) -> dict[str, Any]:
        return super().document() | {"cause": self.cause}


class Interrupted(CommandError):
    """The user pressed Ctrl-C; an execution that was followed continues."""

    code = "Interrupted"
    exit_code = 130

    def document(self) -> dict[str, Any]:
        status = "running" if self.execution else "interrupted"
        return {"status": status, "execution": self.execution}


class Ended(Interrupted):
    """SIGTERM or SIGHUP ended the command."""

    code = "Ended"
    exit_code = 143


class NotConfirmed(CommandError):
    """The user did not confirm the change."""

    code = "NotConfirmed"


class WrongCall(CommandError):
    """The arguments are invalid."""

    code = "WrongCall"
    exit_code = 2


class NoDeployment(WrongCall):
    """No stack exists for the stage."""

    code = "NoDeployment"
    hint = "Deploy it (`cdk deploy`), choose another --stage or AWS_REGION, or start the embedded cloud with `make local`."

    def __init__(self, stack: str, region: str) -> None:
        super().__init__(f"There is no stack {stack} in region {region}.")


class BadOutputs(WrongCall):
    """The file with the outputs of a deployment is invalid."""

    code = "BadOutputs"
    hint = "`make local` writes such a file; --outputs chooses another one."

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}.")


class NoFolder(WrongCall):
    """The folder does not exist or cannot be read."""

    code = "NoFolder"


class NoFolderForPage(WrongCall):
    """The folder of the file into which a page is written does not exist."""

    code = "NoFolderForPage"

    def __init__(self, file: Path) -> None:
        super().__init__(f"There is no folder {file.parent} for the page.")


class NoKnownFiles(WrongCall):
    """The folder contains no file of the dataset."""

    code = "NoKnownFiles"

    def __init__(
        self, folder: Path, dataset: str, expected: Iterable[str], found: Iterable[str], other: str = ""
    ) -> None:
        names = list(found)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        super().__init__(
            f"{folder} has no file of dataset {dataset!r}.",
            f"Expected: {', '.join(expected)}. "
            + (f"Found: {', '.join(islice(names, _SHOWN))}{more}." if names else "The folder is empty."),
            f"Specify --dataset {other}, which has files of these names." if other else "",
        )


class IncompleteFolder(WrongCall):
    """Neither the folder nor the bucket has a file for some of the tables."""

    code = "IncompleteFolder"

    def __init__(self, folder: Path, missing: Mapping[str, str], present: Iterable[str]) -> None:
        files = ", ".join(f"{table} (expected {file})" for table, file in missing.items())
        super().__init__(
            f"{folder} has no file for: {files}.",
            hint="Add the files, or migrate only the tables that have a file with --tables present"
            f" ({', '.join(present)}).",
        )


class UnknownBackup(WrongCall):
    """No complete backup has this id, or there is no backup."""

    code = "UnknownBackup"
    hint = "`dataforge backup list` shows the backups."

    def __init__(self, word: str, dataset: str, deployment: str) -> None:
        what = "no backup" if word == "latest" else f"no backup {word!r}"
        super().__init__(f"There is {what}{f' of {dataset!r}' if dataset else ''} in {deployment}.")


class UnknownExecution(WrongCall):
    """No execution has this name or ARN, and no run has this id."""

    code = "UnknownExecution"
    hint = "`dataforge status` without a name shows the newest."

    def __init__(self, word: str, deployment: str) -> None:
        super().__init__(f"No execution or run {word!r} in {deployment}.")


class UnknownRun(WrongCall):
    """The run, backup or table of a started execution does not exist; the code of the execution is reported."""

    code = "UnknownRun"

    def __init__(self, execution: str, name: str, cause: str) -> None:
        super().__init__(cause, name=name, execution=execution)
