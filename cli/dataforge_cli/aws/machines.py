"""The state machines: what each is called, what its states do in words, and which of them an execution belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dataforge.runs import phases
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.executions import Execution, describe, find, running
from dataforge_cli.errors import UnknownExecution


@dataclass(frozen=True)
class Machine:
    """``output`` is the deployment's output that names it.

    ``phases``: how the names of the states begin that tell how far a run is, in their order, and what is done there.
    """

    kind: str
    output: str
    phases: Mapping[str, str]


MIGRATION = Machine("migration", "migration_arn", phases.MIGRATION)
BACKUP = Machine("backup", "backup_arn", phases.BACKUP)
RESTORE = Machine("restore", "restore_arn", phases.RESTORE)
MACHINES = (MIGRATION, BACKUP, RESTORE)


def locate(deployment: Deployment, word: str) -> tuple[Machine, Execution]:
    """The execution that ``word`` means: its ARN, its name, or its run's id. Raises ``UnknownExecution``."""
    for machine, arn in _deployed(deployment):
        try:
            return machine, describe(deployment, find(deployment, arn, word))
        except UnknownExecution:
            continue
    raise UnknownExecution(word, deployment.name)


def all_running(deployment: Deployment) -> list[tuple[Machine, str]]:
    """The executions that run now: machine and ARN, newest first within a machine."""
    return [(machine, one) for machine, arn in _deployed(deployment) for one in running(deployment, arn)]


def _deployed(deployment: Deployment) -> Iterator[tuple[Machine, str]]:
    """The machines that the deployment has; one that is older than this command may lack some."""
    for machine in MACHINES:
        if machine.output in deployment.outputs:
            yield machine, deployment[machine.output]
