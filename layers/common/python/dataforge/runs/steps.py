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
from dataforge.errors import WorkContinues
from dataforge.postgres.connection import connect, get_db_resource
from dataforge.postgres.sql import Sql
from dataforge.runs.lifecycle import RunKind, close_run
from dataforge.runs.step_names import RunStep
from dataforge.runs.unattended.work import Unattended
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
    """One call of a control function, and what its work needs. ``started``: the reading of ``time.monotonic``."""

    event: StepEvent
    settings: S
    db: Connection
    s3: S3Client
    role: Sql | None = None
    started: float = 0.0

    @property
    def unattended(self) -> Unattended:
        """How the step lets PostgreSQL complete work that may take longer than this call."""
        settings, role = self.settings, self.role
        if role is None:
            raise ValueError("runs without a role of their own have no such work")
        return Unattended(
            lambda: connect(settings),
            role,
            settings.unattended_bytes,
            self.started + settings.attended_seconds,
        )


Recorder = Callable[["Connection", StepEvent, Mapping[str, Any], float], None]
"""Records the seconds of a call, given its connection, event and answer."""

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
    record: Recorder | None = None,
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
    step = Step(call, settings, get_db_resource(settings), s3, kind.role, time.monotonic())
    answer: dict[str, Any] = {}
    try:
        answer |= steps[call.step](step) if call.step in steps else {kind.id_column: release(step, kind)}
    except WorkContinues:
        _record(step, record, answer)
        raise
    _record(step, record, answer)
    logger.info("step done")
    return answer


def _record(step: Step[S], record: Recorder | None, answer: Mapping[str, Any]) -> None:
    """Record the seconds that the call took."""
    if record is not None:
        record(step.db, step.event, answer, time.monotonic() - step.started)


def release(step: Step[S], kind: RunKind) -> str | None:
    """Close the run of an execution that ended. Returns its id, or None if the ledger has no run of this execution."""
    call = step.event
    reason = ended(step.s3, step.settings.report_bucket, call.execution, call.status, call.error)
    refused = refusal(call.execution, call.input, reason.error)
    return close_run(step.db, kind, call.execution, call.status.lower(), reason, refused)
