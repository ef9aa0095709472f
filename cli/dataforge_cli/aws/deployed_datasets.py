"""Whether a deployment has the dataset of this clone, and the redeployment of the embedded cloud."""

from __future__ import annotations

import subprocess
import sys
from enum import Enum, auto
from pathlib import Path

import typer

from dataforge.tables.versions import from_text, module_versions
from dataforge_cli.aws.deployment import CLONE, Deployment
from dataforge_cli.call import Call
from dataforge_cli.errors import CommandError, Interrupted, WrongCall
from dataforge_cli.output.screen import one_line

OUTPUT = "datasets"


class State(Enum):
    """A dataset in a deployment, compared with its module in this clone."""

    CURRENT = auto()
    CHANGED = auto()
    MISSING = auto()


class NotDeployed(WrongCall):
    """The dataset has a module, but it was not deployed."""

    code = "NotDeployed"


class DeploymentFailed(CommandError):
    """The deployment to the embedded cloud failed, and the app is unchanged."""

    code = "DeploymentFailed"


def require_deployed(call: Call, dataset: str, *, deploy: bool) -> None:
    """Deploy to the embedded cloud with ``deploy`` or after confirmation, unless it has this clone's dataset.

    A changed module is a warning if nothing is deployed. Raises ``NotDeployed``, ``DeploymentFailed``.
    """
    deployment = call.deployment
    state = compare(deployment, dataset)
    if deploy and deployment.embedded is None:
        raise WrongCall(
            "--deploy works with the embedded cloud only.", hint=f"On AWS: {_command(deployment)}."
        )
    if state is State.CURRENT:
        return
    finding = _finding(state, dataset, deployment)
    if deployment.embedded is not None and (deploy or _confirmed(call, finding)):
        redeploy(call, deployment.embedded)
    elif state is State.MISSING:
        raise NotDeployed(finding, hint=f"Run {_command(deployment)} first{_or_option(deployment)}.")
    else:
        call.screen.warn(f"{finding} The run uses the deployed declaration.")


def compare(deployment: Deployment, dataset: str) -> State:
    """The state of a dataset. A deployment that does not list its datasets, of an earlier version, counts as current."""
    listed = deployment.outputs.get(OUTPUT)
    if listed is None:
        return State.CURRENT
    deployed = from_text(listed)
    if dataset not in deployed:
        return State.MISSING
    return State.CURRENT if deployed[dataset] == module_versions()[dataset] else State.CHANGED


def redeploy(call: Call, folder: Path) -> None:
    """Deploy this clone to the embedded cloud of a state folder. Raises ``DeploymentFailed``."""
    command = [sys.executable, "-m", "local", "deploy", "--state", str(folder)]
    reason: list[str] = []
    with subprocess.Popen(
        command, cwd=CLONE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            if reason or line.startswith("error: "):
                reason.append(line.removeprefix("error: "))
            else:
                call.screen.say(line.rstrip())
    if process.returncode:
        raise DeploymentFailed(
            one_line("".join(reason)),
            hint="The app and its data are unchanged. Correct the module, then deploy again.",
        )


def _finding(state: State, dataset: str, deployment: Deployment) -> str:
    if state is State.MISSING:
        return f"Dataset {dataset!r} has a module, but it is not deployed to {deployment.name}."
    return f"The module of dataset {dataset!r} has changed since it was deployed to {deployment.name}."


def _confirmed(call: Call, finding: str) -> bool:
    if call.screen.as_json or not sys.stdin.isatty():
        return False
    try:
        return typer.confirm(f"{finding} Deploy it now?", default=True, err=True)
    except typer.Abort as error:
        raise Interrupted("Nothing was deployed.") from error


def _command(deployment: Deployment) -> str:
    return "`cdk deploy`" if deployment.embedded is None else "`make local`"


def _or_option(deployment: Deployment) -> str:
    return "" if deployment.embedded is None else ", or specify --deploy"
