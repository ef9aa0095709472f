"""Save the page of a migration's report into a file."""

from __future__ import annotations

from pathlib import Path

from botocore.exceptions import ClientError

from dataforge.runs.results.migration import MigrationOutput
from dataforge.s3.keys import report_page_key
from dataforge_cli.aws.executions import Execution
from dataforge_cli.aws.failures import error_code
from dataforge_cli.aws.machines import MIGRATION, Machine
from dataforge_cli.call import Call
from dataforge_cli.errors import WrongCall
from dataforge_cli.records.rejections import NoReport
from dataforge_cli.runs.progress import read_plan


def save_page(call: Call, machine: Machine, execution: Execution, file: Path) -> None:
    """Write the page of an ended migration's report. Raises ``NoReport``, ``WrongCall``, ``OSError``."""
    if machine is not MIGRATION:
        raise WrongCall(f"Only migrations have a report; {execution.name} is a {machine.kind}.")
    if execution.running:
        raise WrongCall(f"{execution.name} is running: its report is written at its end.", "Add --follow.")
    migration, bucket = _migration_id(call, execution), call.deployment["report_bucket"]
    try:
        answer = call.deployment.s3.get_object(Bucket=bucket, Key=report_page_key(migration))
    except ClientError as error:
        if error_code(error) == "NoSuchKey":
            raise NoReport(migration, call.deployment.name) from error
        raise
    file.write_bytes(answer["Body"].read())
    call.screen.show(f"Wrote {file}")


def _migration_id(call: Call, execution: Execution) -> str:
    """The id under which the run is reported; a resumed run's execution has another name."""
    if execution.output is not None:
        return MigrationOutput.model_validate(execution.output).migration_id
    plan = read_plan(call.deployment, execution.name)
    return plan.migration_id if plan else execution.name
