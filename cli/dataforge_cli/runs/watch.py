"""Watch an execution until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable

from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.executions import Execution, describe
from dataforge_cli.aws.machines import Machine
from dataforge_cli.errors import UnknownExecution
from dataforge_cli.output.bars import Bars, Line
from dataforge_cli.output.screen import Screen
from dataforge_cli.runs.progress import read_phase, read_plan, read_progress
from dataforge_cli.runs.retries import Trouble

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 3.0
_UNSEEN_SECONDS = 15
"""Seconds until Step Functions describes an execution that it has just started."""


def watch_migration(deployment: Deployment, arn: str, screen: Screen) -> Execution:
    """Show a bar per table."""
    with Bars(screen) as bars:
        return _watch(deployment, arn, bars, Trouble(deployment, arn, screen))


def _watch(deployment: Deployment, arn: str, bars: Bars, trouble: Trouble) -> Execution:
    plan, last, pause = None, None, FIRST_PAUSE
    execution = _await_known(deployment, arn)
    while execution.running:
        began = time.monotonic()
        plan = plan or read_plan(deployment, execution.name)
        progress = read_progress(deployment, arn, plan)
        bars.show(progress)
        pause = FIRST_PAUSE if progress != last else min(pause * 1.5, LONGEST_PAUSE)
        if pause == LONGEST_PAUSE:
            trouble.say()
        # Reading the progress of many chunks takes long. The interval grows with it.
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


def watch_phases(
    machine: Machine, note: Callable[[Execution], str] = lambda _execution: ""
) -> Callable[..., Execution]:
    """Return a watcher of the machine's executions, which shows the phase and the text of ``note``."""

    def watch(deployment: Deployment, arn: str, screen: Screen) -> Execution:
        pause, last, trouble = FIRST_PAUSE, "", Trouble(deployment, arn, screen)
        with Line(screen) as line:
            execution = _await_known(deployment, arn)
            while execution.running:
                phase = read_phase(deployment, arn, machine.phases)
                found = note(execution)
                line.show(machine.phases.get(phase, "starting"), found)
                pause = FIRST_PAUSE if phase + found != last else min(pause * 1.5, LONGEST_PAUSE)
                last = phase + found
                if pause == LONGEST_PAUSE:
                    trouble.say()
                time.sleep(pause)
                execution = describe(deployment, arn)
            line.finish(note(execution), done=execution.output is not None)
        return execution

    return watch


def _await_known(deployment: Deployment, arn: str) -> Execution:
    deadline = time.monotonic() + _UNSEEN_SECONDS
    while True:
        try:
            return describe(deployment, arn)
        except UnknownExecution:
            if time.monotonic() >= deadline:
                raise
        time.sleep(FIRST_PAUSE)
