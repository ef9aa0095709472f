"""One call of the command line: what it works on, where it prints, and the border at which every failure ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from rich.traceback import Traceback

from dataforge.errors import DataForgeError, InvalidInput, Unavailable, UnusableBucket
from dataforge_cli.aws.deployment import Deployment, find_deployment
from dataforge_cli.aws.failures import explain
from dataforge_cli.errors import CommandError, Interrupted, WrongCall
from dataforge_cli.output.screen import Screen


@dataclass(frozen=True)
class Call:
    """What the options common to all commands say."""

    screen: Screen
    stage: str | None
    outputs: Path | None

    @cached_property
    def deployment(self) -> Deployment:
        """The deployment to work on; it is looked for, and named on stderr, when it is first needed."""
        found = find_deployment(self.stage, self.outputs)
        self.screen.say(f"Target: {found.name}")
        return found


@contextmanager
def calling(*, stage: str | None, outputs: Path | None, as_json: bool, debug: bool) -> Iterator[Call]:
    """A call; whatever fails inside becomes one line on stderr, with ``--json`` a document, and an exit code."""
    call = Call(Screen(as_json=as_json), stage, outputs)
    try:
        yield call
    except (typer.Exit, BrokenPipeError):
        raise
    except (Exception, KeyboardInterrupt) as error:
        failure = _understand(error)
        if debug:
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
            # The catalogue refuses a dataset or a table: the user named it.
            return WrongCall(str(error), type(error).__name__)
        case DataForgeError():
            return CommandError(str(error), type(error).__name__)
        case ClientError() | BotoCoreError() | Boto3Error():
            return explain(error)
        case KeyboardInterrupt():
            return Interrupted("Interrupted.")
        case OSError():
            return CommandError(f"{error.strerror or type(error).__name__}: {error.filename or error}")
    return CommandError(f"Unexpected {type(error).__name__}: {error}. --debug shows where; please report it.")
