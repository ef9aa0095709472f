"""What the command line can run into: each a line that names the thing and the way out, and an exit code.

CommandError                the work failed: exit 1
├── AwsFailed               AWS, or the way to it, failed
├── NoOutput                the deployment does not offer what the command needs
├── FunctionFailed          a Lambda function raised
├── ExecutionFailed         a state machine's execution ended without success
├── NotConfirmed            the user was asked and refused
├── Interrupted             by the user: exit 130
└── WrongCall               the call cannot be meant: exit 2
    ├── NoDeployment, BadOutputs
    ├── NoFolder, NoKnownFiles, IncompleteFolder
    ├── UnknownBackup
    └── UnknownExecution, UnknownRun
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_SHOWN = 20


class CommandError(Exception):
    """The command could not do its work. Its text is one line for people."""

    exit_code = 1

    def __init__(self, message: str, name: str = "", execution: str | None = None) -> None:
        """``name``: the error's name for machines, where it is not this class's; ``execution``: the ARN, if there is one."""
        self.name, self.execution = name or type(self).__name__, execution
        super().__init__(message)

    def document(self) -> dict[str, Any]:
        """The same for machines: what ``--json`` prints."""
        return {"status": "failed", "error": self.name, "cause": str(self), "execution": self.execution}


class AwsFailed(CommandError):
    """AWS, or the way to it, failed."""


class NoOutput(CommandError):
    """The deployment lacks an output: it is older than this command, or not finished."""

    def __init__(self, deployment: str, output: str) -> None:
        super().__init__(
            f"{deployment} has no output {output}. Deploy this version of the app, then try again."
        )


class FunctionFailed(CommandError):
    """A Lambda function raised; ``name`` is the error's class there."""


class ExecutionFailed(CommandError):
    """An execution ended without success."""

    def __init__(self, execution: str, error: str, cause: str) -> None:
        self.cause = cause
        super().__init__(f"{error}: {cause}" if cause else error, error, execution)

    def document(self) -> dict[str, Any]:
        return super().document() | {"cause": self.cause}


class Interrupted(CommandError):
    """The user pressed Ctrl-C. An execution that was being followed (``execution``) goes on."""

    exit_code = 130

    def document(self) -> dict[str, Any]:
        status = "running" if self.execution else "interrupted"
        return {"status": status, "execution": self.execution}


class NotConfirmed(CommandError):
    """The user saw what would change and did not confirm it."""


class WrongCall(CommandError):
    """The call asks for something that cannot be."""

    exit_code = 2


class NoDeployment(WrongCall):
    """There is no stack of this stage."""

    def __init__(self, stack: str, region: str) -> None:
        super().__init__(
            f"There is no stack {stack} in region {region}. Deploy it (`cdk deploy`), choose another --stage or AWS_REGION,"
            " or start the embedded cloud with `make local`."
        )


class BadOutputs(WrongCall):
    """The file with a deployment's outputs is not one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. `make local` writes such a file; --outputs chooses another one.")


class NoFolder(WrongCall):
    """The folder to upload is not there, is not a folder, or cannot be read."""


class NoKnownFiles(WrongCall):
    """The folder holds none of the dataset's files."""

    def __init__(self, folder: Path, dataset: str, expected: Iterable[str], found: Iterable[str]) -> None:
        names = list(found)
        others = ", ".join(names[:_SHOWN]) + (
            f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        )
        super().__init__(
            f"{folder} has no file of dataset {dataset!r}. Expected: {', '.join(expected)}."
            + (f" Found: {others}." if others else " It has no file at all.")
        )


class IncompleteFolder(WrongCall):
    """Tables of the run have no file, neither in the folder nor in the bucket."""

    def __init__(self, folder: Path, missing: Mapping[str, str], present: Iterable[str]) -> None:
        files = ", ".join(f"{table} (expected {file})" for table, file in missing.items())
        super().__init__(
            f"{folder} has no file for: {files}. Add the files, or migrate only the tables whose files are there with"
            f" --tables present ({', '.join(present)})."
        )


class UnknownBackup(WrongCall):
    """There is no complete backup of this id, or none at all."""

    def __init__(self, word: str, dataset: str, deployment: str) -> None:
        what = "no backup" if word == "latest" else f"no backup {word!r}"
        super().__init__(
            f"There is {what}{f' of {dataset!r}' if dataset else ''} in {deployment}. `dataforge backup list` shows them."
        )


class UnknownExecution(WrongCall):
    """No execution of this name, ARN or run's id."""

    def __init__(self, word: str, deployment: str) -> None:
        super().__init__(
            f"No execution or run {word!r} in {deployment}. `dataforge status` without a name shows the newest."
        )


class UnknownRun(WrongCall):
    """What was started was to be about a run, backup or table that does not exist. ``code`` is the execution's error."""

    def __init__(self, execution: str, code: str, cause: str) -> None:
        super().__init__(cause, code, execution)
