"""``dataforge connect``: a tunnel to the database."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from dataforge.aws.clients import make_client
from dataforge_cli.aws import tunnel
from dataforge_cli.aws.deployment import CLONE, Deployment
from dataforge_cli.call import calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Json, OutputsFile, Stage

LOCAL = "database_url"
"""An output that only the embedded cloud has."""


def connect(
    port: Annotated[
        int,
        typer.Option("--port", min=1024, max=65535, help="Listen on this port of 127.0.0.1."),
    ] = 15433,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the bastion instead of connecting.")] = False,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Open a tunnel to the database and print the psql command that uses it.

    On AWS this requires a deployment with -c bastion=true, the AWS command line and OpenSSH. The command starts the bastion,
    opens the tunnel for at most one hour, and prints a psql command for the role dataforge_analyst, which has read access
    to the tables only. The bastion stops after 20 minutes without a connection. For the embedded cloud the command prints
    the address. With --json the document is printed before the tunnel opens.

    Exit codes: 0 closed by Ctrl-C or address printed, 1 not opened or interrupted, 2 no bastion.

    **Examples**

    ```
    dataforge connect --stage prod
    dataforge connect --stage prod --stop
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        deployment = call.deployment
        if address := deployment.outputs.get(LOCAL):
            if stop:
                raise WrongCall(
                    "The embedded cloud has no bastion.", hint="`make local-down` stops the embedded cloud."
                )
            line = f"psql {shlex.quote(address)}"
            call.screen.answer({"status": "ready", "psql": line}, line)
            return
        if "bastion_instance" not in deployment.outputs:
            raise tunnel.NoBastion(deployment.name)
        ec2, instance = (
            make_client("ec2", deployment.config, deployment.access),
            deployment["bastion_instance"],
        )
        if stop:
            ec2.stop_instances(InstanceIds=[instance])
            call.screen.answer({"status": "stopped", "instance": instance}, "Stopping the bastion.")
            return
        tunnel.require_programs()
        call.screen.say("Starting the bastion.")
        tunnel.start(ec2, instance)
        line = tunnel.client_line(deployment.outputs, port, CLONE)
        call.screen.answer({"status": "ready", "psql": line}, line)
        call.screen.say("The tunnel is open until Ctrl-C, for at most one hour.")
        _hold(deployment, port)


def _hold(deployment: Deployment, port: int) -> None:
    client = make_client("ec2-instance-connect", deployment.config, deployment.access)
    try:
        code = tunnel.forward(client, deployment.outputs, port)
    except KeyboardInterrupt:
        return
    if code:
        raise tunnel.TunnelClosed(code)
