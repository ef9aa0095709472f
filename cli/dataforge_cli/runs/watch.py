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

SHORTEST_PAUSE, LONGEST_PAUSE = 0.3, 3.0
_SHARE = 20
"""A watcher reads the progress again after one part in this many of the time that it has watched."""
_LOOKS = 3
"""Number of descriptions in each pause, which notice the end. They take less time than reading the progress."""
_STILL_SECONDS = 6
"""Seconds without progress after which the reason is read."""
_UNSEEN_SECONDS = 15
"""Seconds until Step Functions describes an execution that it has just started."""


def watch_migration(deployment: Deployment, arn: str, screen: Screen) -> Execution:
    """Show a bar per table."""
    with Bars(screen) as bars:
        return _watch(deployment, arn, bars, Trouble(deployment, arn, screen))


class Pace:
    """The pauses between two readings of an execution's progress."""

    def __init__(self, deployment: Deployment, arn: str) -> None:
        self._deployment, self._arn = deployment, arn
        self._began = self._changed = time.monotonic()
        self._last: object = None

    def is_still(self, progress: object) -> bool:
        """Whether the progress has not changed for some seconds."""
        now = time.monotonic()
        if progress != self._last:
            self._last, self._changed = progress, now
        return now - self._changed >= _STILL_SECONDS

    def pause(self, least: float = SHORTEST_PAUSE) -> Execution:
        """Wait until the execution ends, or for an interval that grows with the time, and describe the execution."""
        seconds = max(least, min((time.monotonic() - self._began) / _SHARE, LONGEST_PAUSE))
        for _ in range(_LOOKS):
            time.sleep(seconds / _LOOKS)
            execution = describe(self._deployment, self._arn)
            if not execution.running:
                break
        return execution


def _watch(deployment: Deployment, arn: str, bars: Bars, trouble: Trouble) -> Execution:
    plan, pace = None, Pace(deployment, arn)
    execution = _await_known(deployment, arn)
    while execution.running:
        began = time.monotonic()
        plan = plan or read_plan(deployment, execution.name)
        progress = read_progress(deployment, arn, plan)
        bars.show(progress)
        if pace.is_still(progress):
            trouble.say()
        # Reading the progress of many chunks takes long. The interval grows with it.
        execution = pace.pause(max(SHORTEST_PAUSE, time.monotonic() - began))
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
        pace, trouble = Pace(deployment, arn), Trouble(deployment, arn, screen)
        with Line(screen) as line:
            execution = _await_known(deployment, arn)
            while execution.running:
                phase = read_phase(deployment, arn, machine.phases)
                found = note(execution)
                line.show(machine.phases.get(phase, "starting"), found)
                if pace.is_still((phase, found)):
                    trouble.say()
                execution = pace.pause()
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
        time.sleep(SHORTEST_PAUSE)
