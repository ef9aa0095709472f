"""What a failed restore leaves behind: a readable error, the tables as they were, or else the way to go on."""

from __future__ import annotations

from dataforge.caught import readable, shortened
from dataforge.database import Connection, transaction
from dataforge.roles import OWNER
from functions.restore.begin import release


def abandon(db: Connection, execution: str, error: dict[str, str]) -> dict[str, str]:
    """Close the run and give back its leases. Returns "error" and "cause" for the execution to fail with.

    ``error`` is what Step Functions caught: "Error", and "Cause" as text or as a Lambda function's JSON.
    """
    name, cause = readable(error)
    recorded = _recorded(db, execution)
    if recorded and name.startswith("States."):
        name, cause = recorded
    cause = shortened(cause)
    run = release(db, execution, "failed", name, cause)
    if run and run.status == "switched":
        cause = (
            "The tables are restored, but what they replaced is not yet in S3; it is kept in the schema"
            f' {run.kept_schema}. Go on with {{"finish": "{run.id}"}}. {cause}'
        )
    return {"error": name, "cause": cause}


def _recorded(db: Connection, execution: str) -> tuple[str, str] | None:
    """The first error that a worker noted: a Distributed Map tells only that some child failed."""
    with transaction(db, role=OWNER) as cursor:
        cursor.execute(
            "SELECT p.error, p.cause FROM dataforge.restore_pieces p JOIN dataforge.restores USING (restore_id)"
            ' WHERE execution = %s AND p.error IS NOT NULL ORDER BY p.step, p."table", p.piece LIMIT 1',
            (execution,),
        )
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None
