"""Follow an execution until it ends."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from dataforge.aws.failures import is_not_found
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.executions import Execution, name_of
from dataforge_cli.aws.failures import explain
from dataforge_cli.errors import AwsFailed, Interrupted, UnknownRun
from dataforge_cli.output.screen import Screen
from dataforge_cli.runs.watch import watch_migration

Watch = Callable[[Deployment, str, Screen], Execution]


def follow(deployment: Deployment, arn: str, screen: Screen, watch: Watch = watch_migration) -> Execution:
    """Show progress until the execution ends, and return its result.

    ``watch`` shows the progress of its kind. Raises ``Interrupted`` on Ctrl-C, and ``AwsFailed`` when AWS is unreachable.
    The execution continues in both cases.
    """
    try:
        screen.say(f"Following {name_of(arn)}.")
        return watch(deployment, arn, screen)
    except KeyboardInterrupt as error:
        raise Interrupted("Interrupted.", how_to_go_on(deployment, arn), execution=arn) from error
    except (BotoCoreError, ClientError) as error:
        failed = explain(error)
        raise AwsFailed(
            str(failed), how_to_go_on(deployment, arn), name=failed.name, execution=arn
        ) from error


def follow_started(
    deployment: Deployment, arn: str, screen: Screen, watch: Watch = watch_migration
) -> Execution:
    """Follow an execution that this call has started.

    Also raises ``UnknownRun`` if its run, backup or table does not exist.
    """
    execution = follow(deployment, arn, screen, watch)
    if execution.failure and is_not_found(execution.failure.name):
        raise UnknownRun(arn, execution.failure.name, execution.failure.cause)
    return execution


def how_to_go_on(deployment: Deployment, arn: str) -> str:
    """Return a sentence with the commands that follow and stop the execution."""
    name = name_of(arn) + deployment.flags
    return f"The execution continues; follow it by `dataforge status --follow {name}`, stop it by `dataforge stop {name}`."
