"""What the commands about restores share: how one is shown, whether it runs, would change something, or did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType

from dataforge_cli.aws.executions import Execution
from dataforge_cli.aws.machines import RESTORE
from dataforge_cli.call import Call
from dataforge_cli.output.tables import restored
from dataforge_cli.runs.watch import watch_phases

watch_restore = watch_phases(RESTORE)


def show_restore(call: Call, execution: Execution) -> None:
    """Print what came of a restore. Raises ``ExecutionFailed`` if it failed."""
    if execution.failure:
        raise execution.failure
    if execution.output is None:
        call.screen.answer(
            {"status": "running", "execution": execution.arn},
            f"Restore {execution.name} runs since {execution.started:%Y-%m-%d %H:%M:%S}.",
        )
        return
    output = execution.output
    call.screen.answer(
        output | {"execution": execution.arn},
        *(_compared(output) if output["dry_run"] else _done(call, output)),
    )


def show_comparison(call: Call, execution: Execution) -> None:
    """Tell people what a restore would change. Raises ``ExecutionFailed`` if it was refused."""
    if execution.failure:
        raise execution.failure
    call.screen.show(*_compared(execution.output or {}))


def _compared(output: Mapping[str, Any]) -> tuple[RenderableType, ...]:
    return (
        f"Restoring {output['dataset']} from {output['backup']} would change this, and has changed nothing:",
        restored(output),
    )


def _done(call: Call, output: Mapping[str, Any]) -> tuple[RenderableType, ...]:
    undo = f"dataforge restore --undo {output['safety_backup']}{call.deployment.flags}"
    return (
        f"Restored {output['dataset']} from {output['backup']}:",
        restored(output),
        f"What was replaced is kept as {output['safety_backup']}. To bring it back: {undo}",
    )
