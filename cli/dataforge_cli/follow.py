"""Following an execution to its end."""

from __future__ import annotations

import time

from botocore.exceptions import BotoCoreError, ClientError

from dataforge_cli.bars import Bars
from dataforge_cli.deployment import Deployment
from dataforge_cli.errors import AwsFailed, Interrupted, UnknownExecution
from dataforge_cli.executions import Execution, describe, name_of
from dataforge_cli.failures import explain
from dataforge_cli.progress import read_plan, read_progress
from dataforge_cli.screen import Screen

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 3.0
_UNSEEN_SECONDS = 15
"""How long Step Functions may take to know an execution that it has just started."""


def follow(deployment: Deployment, arn: str, screen: Screen) -> Execution:
    """Show progress until the execution has ended, and return how.

    Raises ``Interrupted`` on Ctrl-C and ``AwsFailed`` when it is out of sight; the execution goes on then.
    """
    try:
        screen.say(f"Following {name_of(arn)}.")
        with Bars(screen) as bars:
            return _watch(deployment, arn, bars)
    except KeyboardInterrupt as error:
        raise Interrupted(f"Interrupted. {how_to_go_on(deployment, arn)}", execution=arn) from error
    except (BotoCoreError, ClientError) as error:
        failed = explain(error)
        raise AwsFailed(f"{failed} {how_to_go_on(deployment, arn)}", failed.name, arn) from error


def how_to_go_on(deployment: Deployment, arn: str) -> str:
    """For people: how to follow the execution, and how to stop it."""
    name = name_of(arn) + deployment.flags
    return f"The execution goes on; follow it with `dataforge status --follow {name}`, stop it with `dataforge stop {name}`."


def _watch(deployment: Deployment, arn: str, bars: Bars) -> Execution:
    plan, last, pause = None, None, FIRST_PAUSE
    execution = _await_known(deployment, arn)
    while execution.running:
        began = time.monotonic()
        plan = plan or read_plan(deployment, execution.name)
        progress = read_progress(deployment, arn, plan)
        bars.show(progress)
        pause = FIRST_PAUSE if progress != last else min(pause * 1.5, LONGEST_PAUSE)
        # Looking at a run of many chunks takes long: it must not do nothing else.
        time.sleep(max(pause, time.monotonic() - began))
        last = progress
        execution = describe(deployment, arn)
    _show_end(deployment, execution, bars)
    return execution


def _show_end(deployment: Deployment, execution: Execution, bars: Bars) -> None:
    plan = read_plan(deployment, execution.name)
    if plan:
        bars.show(read_progress(deployment, execution.arn, plan))
    if execution.output is not None:
        bars.finish()


def _await_known(deployment: Deployment, arn: str) -> Execution:
    deadline = time.monotonic() + _UNSEEN_SECONDS
    while True:
        try:
            return describe(deployment, arn)
        except UnknownExecution:
            if time.monotonic() >= deadline:
                raise
        time.sleep(FIRST_PAUSE)
