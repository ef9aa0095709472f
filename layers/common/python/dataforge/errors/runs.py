"""Runs that are refused, and results that do not meet their conditions."""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.errors.base import Refused, Temporary


class AlreadyRunning(Refused):
    """Another run has the lease of one of the tables."""

    code = "AlreadyRunning"
    hint = "Wait until it has ended, or stop it."


class LeaseLost(Refused):
    """The run was stopped and lost its lease; another run may have it."""

    code = "LeaseLost"
    hint = "Start the run again."


class QualityTooLow(Refused):
    """The share of valid rows is below the threshold; nothing was published."""

    code = "QualityTooLow"
    hint = "Correct the rejected records, or lower the threshold. The report lists the reasons."


class NotReconciled(Refused):
    """Source and target differ; nothing was published."""

    code = "NotReconciled"
    hint = "Start the run again. If the error occurs again, report it."


class SchemaRefused(Refused):
    """A schema change would lose data, or existing rows violate it."""

    code = "SchemaRefused"


class ApplierStopped(SchemaRefused):
    """The function that changes the schema was terminated, for example by its time-out."""

    code = "ApplierStopped"


class TargetChanged(Refused):
    """The tables changed after the rows were resolved; the state machine resolves them again."""

    code = "TargetChanged"


class NoLongerKnown(Refused):
    """A table was changed whose rows were not loaded because it had them; the state machine loads them."""

    code = "NoLongerKnown"


class TargetRejectsRows(Refused):
    """A constraint, index, trigger or rule of the owner rejects valid rows."""

    code = "TargetRefuses"
    hint = (
        "Change the constraint, trigger or rule, then start again; `dataforge migrate --resume latest` continues a"
        " migration."
    )


class RowSecurity(Refused):
    """Row security of a table may hide rows."""

    code = "RowSecurity"
    hint = (
        "Disable it (ALTER TABLE … DISABLE ROW LEVEL SECURITY) and limit readers by views and grants instead: see"
        " docs/operations.md."
    )

    def __init__(self, tables: Iterable[str]) -> None:
        names = ", ".join(sorted(tables))
        super().__init__(f"Row security is enabled on {names} and may hide rows. Nothing was changed.")


class TableChanged(Refused):
    """A table differs from its declaration."""

    code = "TableChanged"
    hint = "`dataforge doctor` shows how to restore it."

    def __init__(self, table: str, differences: Iterable[str], hint: str = "") -> None:
        super().__init__(f"{table} differs from its declaration: {'; '.join(differences)}.", hint=hint)


class WorkContinues(Temporary):
    """PostgreSQL still works on a step; the state machine repeats it and waits for the same work."""

    code = "WorkContinues"

    def __init__(self, run_id: str, name: str) -> None:
        super().__init__(f"PostgreSQL still works on {name} of {run_id}.")


class NotCompleted(Refused):
    """Work that PostgreSQL does between two calls of a function cannot be completed."""

    code = "NotCompleted"
    hint = "Start a new run. If the error occurs again, read the log of the database."

    def __init__(self, run_id: str, name: str, reason: str) -> None:
        super().__init__(f"{name} of {run_id} cannot be completed: {reason}.")
