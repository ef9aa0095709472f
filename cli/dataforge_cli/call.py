"""One call of the command line: its deployment, its output, and the translation of every error into an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from dataforge.errors import DataForgeError, InvalidInput, Unavailable, UnusableBucket
from dataforge_cli.aws.deployment import Deployment, find_deployment
from dataforge_cli.aws.failures import explain
from dataforge_cli.errors import CommandError, Ended, Interrupted, NoSpace, WrongCall
from dataforge_cli.output.screen import Screen
from dataforge_cli.signals import Terminated, raised_signals


@dataclass(frozen=True)
class Call:
    """The options that all commands share."""

    screen: Screen
    stage: str | None
    outputs: Path | None

    @cached_property
    def deployment(self) -> Deployment:
        """The deployment. It is determined at the first access, and its name is printed to stderr."""
        found = find_deployment(self.stage, self.outputs)
        self.screen.say(f"Target: {found.name}")
        return found


@contextmanager
def calling(*, stage: str | None, outputs: Path | None, as_json: bool, debug: bool) -> Iterator[Call]:
    """A call. Every error in its body becomes one line on stderr, with ``--json`` a document, and an exit code."""
    call = Call(Screen(as_json=as_json), stage, outputs)
    try:
        with raised_signals():
            yield call
    except (typer.Exit, BrokenPipeError):
        raise
    except (Exception, KeyboardInterrupt) as error:
        failure = _understand(error)
        if debug:
            # Rich's highlighter of source code takes a tenth of a second to import.
            from rich.traceback import Traceback  # noqa: PLC0415

            call.screen.err.print(Traceback())
        call.screen.fail(str(failure))
        call.screen.answer(failure.document())
        raise typer.Exit(failure.exit_code) from error


def _understand(error: BaseException) -> CommandError:
    match error:
        case CommandError():
            return error
        case Unavailable(__cause__=cause) | UnusableBucket(__cause__=cause) if isinstance(
            cause, ClientError | BotoCoreError
        ):
            return explain(cause)
        case InvalidInput():
            # The user specified the dataset or table.
            return WrongCall(error.message, error.detail, error.hint, name=error.code)
        case DataForgeError():
            return CommandError(error.message, error.detail, error.hint, name=error.code)
        case ClientError() | BotoCoreError() | Boto3Error():
            return explain(error)
        case Terminated():
            return Ended("Terminated.")
        case KeyboardInterrupt():
            return Interrupted("Interrupted.")
    return _of_system(error)


def _of_system(error: BaseException) -> CommandError:
    """The failure of the operating system, or an error that no command expects."""
    if NoSpace.causes(error):
        return NoSpace(error)
    if isinstance(error, OSError):
        return CommandError(f"{error.strerror or type(error).__name__}: {error.filename or error}")
    return CommandError(
        f"Unexpected {type(error).__name__}: {error}.", hint="--debug shows the position; please report it."
    )
