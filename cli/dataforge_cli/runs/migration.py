"""Follow and show migrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataforge.runs.results.migration import MigrationOutput
from dataforge.runs.results.report import Report
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.executions import Execution
from dataforge_cli.aws.machines import MIGRATION
from dataforge_cli.call import Call
from dataforge_cli.output.tables import reasons, summary, under_way
from dataforge_cli.records.rejections import NoReport, read_report
from dataforge_cli.runs.follow import follow_started
from dataforge_cli.runs.progress import as_document, read_plan, read_progress

_SHOWN = 20


def follow_to_its_end(call: Call, arn: str) -> Execution:
    """Follow the migration that this call has started. Raises ``UnknownRun`` if the run to resume does not exist."""
    return follow_started(call.deployment, arn, call.screen)


def show(call: Call, execution: Execution, **also: Any) -> None:
    """Print the status of the migration, in JSON with the members of ``also``. Raises ``ExecutionFailed``."""
    if execution.failure:
        _show_failed(call, execution)
        raise execution.failure
    if execution.output is None:
        _show_running(call, execution, also)
        return
    output = MigrationOutput.model_validate(execution.output)
    call.screen.answer(
        execution.output | {"execution": execution.arn, **also},
        f"Migration {_named(output, execution)} of {output.dataset}: {output.status}.",
        summary(output),
        *not_loaded(output),
        *_rejections(call, output),
        *_ignored(output),
        f"Report: {output.report}",
        f"Its page: dataforge status {output.migration_id} --html report.html",
    )


def _rejections(call: Call, output: MigrationOutput) -> list[Any]:
    """The most frequent reasons of rejections, from the report."""
    if not any(table.rejected for table in output.tables):
        return []
    try:
        report = read_report(call.deployment, output.migration_id)
    except NoReport:
        return []
    return [reasons(reason for table in report.tables for reason in table.rejections)]


def _named(output: MigrationOutput, execution: Execution) -> str:
    """The migration's id, with the execution if it has another name: that of a resumed run."""
    same = execution.name == output.migration_id
    return output.migration_id if same else f"{output.migration_id} ({execution.name})"


def not_loaded(output: MigrationOutput) -> list[str]:
    """State of which tables nothing was loaded, and why."""
    names = ", ".join(output.known_tables)
    return [f"Not loaded, because their files and rows are those of the last run: {names}."] if names else []


def _ignored(output: MigrationOutput) -> list[str]:
    """Describe the ignored files, which an older deployment does not report."""
    names = output.ignored_files
    return [f"Files that were not read: {some(names, output.ignored_count)}."] if names else []


def some(names: Sequence[str], count: int | None = None) -> str:
    """Join the first names and the number of the others; ``count`` is the total if ``names`` is truncated."""
    left = (len(names) if count is None else count) - len(names[:_SHOWN])
    return ", ".join(names[:_SHOWN]) + (f" and {left:,} more" if left else "")


def _show_running(call: Call, execution: Execution, also: Mapping[str, Any]) -> None:
    plan = read_plan(call.deployment, execution.name)
    progress = read_progress(call.deployment, execution.arn, plan)
    document = {"status": "running", "execution": execution.arn, **as_document(progress), **also}
    doing = MIGRATION.phases.get(progress.phase, "starting")
    heading = f"{execution.name} has been running since {execution.started:%Y-%m-%d %H:%M:%S}: {doing}."
    call.screen.answer(document, heading, *([under_way(progress)] if progress.tables else []))


def _show_failed(call: Call, execution: Execution) -> None:
    """Print the counts of a failed run, if it has any."""
    report = _read_report(call.deployment, execution)
    if report:
        fate = "was published" if report.status == "published" else "was not published"
        call.screen.show(f"{execution.name} failed. This {fate}:", summary(report))
        found = [reason for table in report.tables for reason in table.rejections]
        if found:
            call.screen.show(reasons(found))


def _read_report(deployment: Deployment, execution: Execution) -> Report | None:
    plan = read_plan(deployment, execution.name)
    if plan is None:
        return None
    try:
        return read_report(deployment, plan.migration_id)
    except NoReport:
        return None
