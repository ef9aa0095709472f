"""The state machines, the phases of each, and the machine of an execution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dataforge.runs import phases
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.executions import Execution, describe, find, running
from dataforge_cli.errors import UnknownExecution


@dataclass(frozen=True)
class Machine:
    """A state machine; ``output`` is the deployment's output with its ARN.

    ``phases``: prefixes of state names in their order, with the description of each phase.
    """

    kind: str
    output: str
    phases: Mapping[str, str]


MIGRATION = Machine("migration", "migration_arn", phases.MIGRATION)
BACKUP = Machine("backup", "backup_arn", phases.BACKUP)
RESTORE = Machine("restore", "restore_arn", phases.RESTORE)
MACHINES = (MIGRATION, BACKUP, RESTORE)


def locate(deployment: Deployment, word: str) -> tuple[Machine, Execution]:
    """Return the execution with this ARN, name or run id. Raises ``UnknownExecution``."""
    for machine, arn in _deployed(deployment):
        try:
            return machine, describe(deployment, find(deployment, arn, word))
        except UnknownExecution:
            continue
    raise UnknownExecution(word, deployment.name)


def all_running(deployment: Deployment) -> list[tuple[Machine, str]]:
    """Yield the running executions: machine and ARN, newest first within a machine."""
    return [(machine, one) for machine, arn in _deployed(deployment) for one in running(deployment, arn)]


def _deployed(deployment: Deployment) -> Iterator[tuple[Machine, str]]:
    """Return the machines of the deployment. An older deployment may lack some."""
    for machine in MACHINES:
        if machine.output in deployment.outputs:
            yield machine, deployment[machine.output]
