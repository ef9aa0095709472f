"""Frame of the control functions: one step of a run per call, named by its event."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aws_lambda_powertools import Logger
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from dataforge.audit.refusal import refusal
from dataforge.aws.failures import caught, ended
from dataforge.postgres.connection import get_db_resource
from dataforge.runs.lifecycle import RunKind, close_run
from dataforge.runs.step_names import RunStep
from dataforge.settings import RunSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


S = TypeVar("S", bound=RunSettings)


class StepEvent(BaseModel):
    """The input of a control function; which fields are set depends on ``step``.

    ``signature``: the signed manifest as the step "begin" answered it. ``mac``: what KMS computed.
    ``error``: what a state caught, or for the step "release", why the execution ended.
    """

    model_config = ConfigDict(frozen=True)

    step: str
    run_id: str = Field("", validation_alias=AliasChoices("run_id", "migration_id", "restore_id"))
    execution: str = ""
    started: str = ""
    input: Any = None
    dead: str = ""
    table: str = ""
    status: str = ""
    signature: Mapping[str, str] = Field(default_factory=dict)
    mac: str = ""
    error: Mapping[str, str] = Field(default_factory=dict)

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> StepEvent:
        """The event of a state, or EventBridge's event of an execution that ended, which is the step "release"."""
        if "executionArn" not in event:
            return cls.model_validate(event)
        return cls(
            step=RunStep.RELEASE,
            execution=event["executionArn"],
            status=event["status"],
            input=event.get("input"),
            error={"Error": event.get("error") or "", "Cause": event.get("cause") or ""},
        )


@dataclass(frozen=True)
class Step(Generic[S]):
    """One call of a control function, and what its work needs."""

    event: StepEvent
    settings: S
    db: Connection
    s3: S3Client


Steps = Mapping[str, Callable[[Step[S]], Mapping[str, Any]]]
"""The steps of a control function."""


def take_step(
    event: Mapping[str, Any],
    *,
    kind: RunKind,
    steps: Steps[S],
    settings: S,
    s3: S3Client,
    logger: Logger,
    record: Callable[[Connection, StepEvent, Mapping[str, Any], float], None] | None = None,
) -> dict[str, Any]:
    """Take the step that the event names; returns its answer. ``record`` is called with the seconds that it took.

    The steps "explain" and "release" are those of every kind of run; ``steps`` may override "release".
    """
    call = StepEvent.read(event)
    logger.append_keys(step=call.step, **{kind.id_column: call.run_id or None})
    if call.step == RunStep.EXPLAIN:
        # The run could not be abandoned. This needs no database.
        return caught(s3, settings.report_bucket, call.execution, call.error).as_answer()
    if call.step not in steps and call.step != RunStep.RELEASE:
        raise ValueError(f"unknown step {call.step!r}")
    started, step = time.perf_counter(), Step(call, settings, get_db_resource(settings), s3)
    answer = dict(steps[call.step](step) if call.step in steps else {kind.id_column: release(step, kind)})
    if record is not None:
        record(step.db, call, answer, time.perf_counter() - started)
    logger.info("step done")
    return answer


def release(step: Step[S], kind: RunKind) -> str | None:
    """Close the run of an execution that ended. Returns its id, or None if the ledger has no run of this execution."""
    call = step.event
    reason = ended(step.s3, step.settings.report_bucket, call.execution, call.status, call.error)
    refused = refusal(call.execution, call.input, reason.error)
    return close_run(step.db, kind, call.execution, call.status.lower(), reason, refused)
