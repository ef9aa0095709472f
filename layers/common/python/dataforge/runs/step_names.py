"""Names of the steps that state machines request: the field ``step`` of an event, and of a work item.

Persisted: events of running executions, the ledger's columns ``step`` and the report's phases have the names.
"""

from __future__ import annotations

from typing import Final


class RunStep:
    """Steps of every kind of run."""

    BEGIN: Final = "begin"
    ABANDON: Final = "abandon"
    EXPLAIN: Final = "explain"
    RELEASE: Final = "release"


class MigrationStep(RunStep):
    """Steps of a migration, and its work items ``SCAN`` and ``LOAD``. ``START`` only starts a process of the worker."""

    START: Final = "start"
    PLAN: Final = "plan"
    SCAN: Final = "scan"
    CUT: Final = "cut"
    LOAD: Final = "load"
    RESOLVE: Final = "settle"
    RECONCILE: Final = "reconcile"
    PUBLISH: Final = "publish"
    REPORT: Final = "report"


class BackupStep(RunStep):
    """Steps of a backup, and its work items ``WRITE_FILE`` and ``CHECK_FILE``."""

    PLAN: Final = "plan"
    WRITE_FILE: Final = "part"
    FINISH: Final = "finish"
    SIGN: Final = "sign"
    REFUSE_SIGNATURE: Final = "refuse_signature"
    PLAN_CHECKS: Final = "plan_checks"
    CHECK_FILE: Final = "check"
    TRIAL_RESTORE: Final = "restore_scratch"
    VALIDATE: Final = "judge"
    SIGN_VERIFICATION: Final = "sign_verification"
    CLOSE: Final = "close"


class RestoreStep(RunStep):
    """Steps of a restore, and its work items: ``LOAD`` a file, ``SAFETY_BACKUP`` of a page range."""

    SELECT_OLDER: Final = "select_older"
    CHECK: Final = "check"
    LOAD: Final = "load"
    CHECK_RESTORED: Final = "settle"
    COMPARE: Final = "compare"
    BUILD: Final = "build"
    LINK: Final = "link"
    SWAP: Final = "switch"
    SAFETY_BACKUP: Final = "keep"
    WRITE_MANIFEST: Final = "manifest"
    FINISH: Final = "finish"


CONTINUED: Final = frozenset(
    {
        MigrationStep.RESOLVE,
        MigrationStep.RECONCILE,
        MigrationStep.PUBLISH,
        RestoreStep.CHECK_RESTORED,
        RestoreStep.COMPARE,
        RestoreStep.BUILD,
        RestoreStep.LINK,
        RestoreStep.SWAP,
    }
)
"""Steps whose work PostgreSQL completes if it may take longer than a function."""
