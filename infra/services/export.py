"""The export capability: write a table to files."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from dataforge.defaults import FUNCTION_SECONDS, WHOLE_PROCESSOR_MEGABYTES
from infra.foundation.foundation import Foundation
from infra.foundation.functions import Function
from infra.workflow.failure_states import catch_all, explain_with
from infra.workflow.machine import make_machine
from infra.workflow.run_states import EXECUTION, ORIGIN
from infra.workflow.steps import call, retry_died, retry_while_it_continues

# Lambda's maximum. Larger tables are exported by several calls.
TIMEOUT = Duration.seconds(FUNCTION_SECONDS)
MEMORY = WHOLE_PROCESSOR_MEGABYTES


class Export(Construct):
    """One function, which logs in as a role with read permissions only, and its state machine."""

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id)
        self.work = Function(
            self,
            "ExportWork",
            settings=foundation.settings,
            handler="export.work",
            description="Writes a consistent snapshot of a table to S3",
            layers=[foundation.layers.common, foundation.layers.deps, foundation.layers.bulk],
            environment={
                **foundation.database.environment(),
                "BACKUP_BUCKET": foundation.storage.backup.bucket_name,
                "REPORT_BUCKET": foundation.storage.report.bucket_name,
            },
            timeout=TIMEOUT,
            memory_size=MEMORY,
            network=foundation.network,
        )
        self.machine = make_machine(
            self,
            settings=foundation.settings,
            kind="export",
            comment="Table to Parquet or NDJSON, or to an identical backup",
            start=self._step(),
            timeout=Duration.hours(24),
            functions=[self.work],
            holders=(),
            report=foundation.storage.report,
            labels=(),
        )

    def _step(self) -> sfn.TaskStateBase:
        payload = {**ORIGIN, "input": sfn.JsonPath.object_at("$")}
        work = retry_while_it_continues(
            retry_died(call(self, "Export", self.work, payload=sfn.TaskInput.from_object(payload)))
        )
        # The input can have any form. The error replaces it.
        caught = sfn.Pass(self, "Caught", parameters={"error": sfn.JsonPath.object_at("$")})
        return catch_all(work, caught.next(explain_with(self, self.work, execution=EXECUTION)), "$")
