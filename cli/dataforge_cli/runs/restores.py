"""Show restores: running, trial and completed."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from dataforge.runs.results.restore import RestoreOutput
from dataforge.visible import visible_line
from dataforge_cli.aws.executions import Execution
from dataforge_cli.aws.machines import RESTORE
from dataforge_cli.call import Call
from dataforge_cli.output.tables import restored
from dataforge_cli.runs.watch import watch_phases

watch_restore = watch_phases(RESTORE)


def show_restore(call: Call, execution: Execution) -> None:
    """Print the result of a restore. Raises ``ExecutionFailed``."""
    if execution.failure:
        raise execution.failure
    if execution.output is None:
        call.screen.answer(
            {"status": "running", "execution": execution.arn},
            f"Restore {execution.name} has been running since {execution.started:%Y-%m-%d %H:%M:%S}.",
        )
        return
    output = RestoreOutput.model_validate(execution.output)
    call.screen.answer(
        execution.output | {"execution": execution.arn},
        *(_compared(output) if output.dry_run else _done(call, output)),
    )


def show_comparison(call: Call, execution: Execution) -> None:
    """Print the changes of a restore before it runs. Raises ``ExecutionFailed`` if it was refused."""
    if execution.failure:
        raise execution.failure
    call.screen.show(*_compared(RestoreOutput.model_validate(execution.output)))


def _compared(output: RestoreOutput) -> tuple[RenderableType, ...]:
    return (
        f"Restoring {output.dataset} from {output.backup} would make these changes (none was made yet):",
        restored(output),
        *adaptations(output),
        *cautions(output),
    )


def cautions(output: RestoreOutput) -> Iterator[str]:
    """Return a line for each newer backup that was skipped, and one if the signature was not verified."""
    yield from (f"Skipped: {visible_line(reason)}" for reason in output.skipped)
    if not output.signed:
        yield f"The signature of backup {output.backup} was not verified."


def adaptations(output: RestoreOutput) -> Iterator[str]:
    """How the columns of an older backup become those of the table, a line each."""
    yield from (f"{table.table}: {change}" for table in output.tables for change in table.adapted)


def _done(call: Call, output: RestoreOutput) -> tuple[RenderableType, ...]:
    undo = f"dataforge restore --undo {output.safety_backup}{call.deployment.flags}"
    return (
        f"Restored {output.dataset} from {output.backup}:",
        restored(output),
        *adaptations(output),
        *cautions(output),
        f"The replaced rows are in the safety backup {output.safety_backup}. To undo: {undo}",
    )
