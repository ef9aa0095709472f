"""The embedded cloud's command line: `python -m local up | deploy | down | reset | status | env`."""

import argparse
import dataclasses
import errno
import json
import sys
from pathlib import Path

from local import aws, cloud, config, interrupts
from local.config import Config
from local.errors import DiskFull, LocalCloudError

DESCRIPTION = """\
An AWS account on this machine, without Docker: PostgreSQL and an AWS emulator, both from pip,
with the app deployed to them by the real `cdk deploy`.

`down` keeps the data: the next `up` continues with the same tables, objects, runs and keys, also after an
abrupt end, and deploys the changes of the code. `reset` deletes the data. All files are in the state folder: outputs.json
contains the bucket names, state machines and URLs of the deployment, the folder logs the logs.
"""
EPILOG = """\
Settings may also come from the environment or from .env: DATAFORGE_STATE, DATAFORGE_AWS_PORT,
DATAFORGE_PG_PORT, DATAFORGE_REGION, DATAFORGE_POSTGRES. Two clouds with different state folders and ports run side by side.

To use the AWS command line or boto3, whose calls must be signed with the administrator's credentials:
  eval "$(.venv/bin/python -m local env)"
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: success. 1: failure, or `status` found no running cloud. 2: invalid call."""
    parser = _parser()
    options = parser.parse_args(arguments)
    interrupts.raise_on_termination()
    try:
        return COMMANDS[options.command](_chosen(options))
    except LocalCloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"error: {DiskFull(str(error.filename or _chosen(options).state))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def up(chosen: Config) -> int:
    """Start the cloud, deploy the app, and print the outputs."""
    found = cloud.up(chosen)
    print(f"The app is deployed. Its outputs are in {chosen.outputs}:")
    for name, value in found.items():
        if "key" not in name and name not in {"database_url", "datasets"}:
            print(f"  {name:18} {value}")
    print(
        f"Start page: {found['api_url']}/v1/ (reader_key in outputs.json). API documentation: {found['api_url']}/v1/docs"
    )
    if "datasets" in found:
        print(
            f"Datasets: {', '.join(json.loads(found['datasets']))}. Load files: dataforge migrate DIR --dataset NAME"
        )
    print("Stop it with `make local-down`, which keeps its data; `make local-reset` deletes it.")
    return 0


def redeploy(chosen: Config) -> int:
    """Deploy the changes to the running cloud."""
    cloud.redeploy(chosen)
    return 0


def down(chosen: Config) -> int:
    """Stop the cloud; its data remains."""
    cloud.down(chosen)
    return 0


def reset(chosen: Config) -> int:
    """Stop the cloud and delete its data."""
    cloud.reset(chosen)
    return 0


def status(chosen: Config) -> int:
    """Print whether it is running, and its addresses."""
    if not cloud.is_up(chosen):
        print(f"No embedded cloud runs in {chosen.state}.")
        return 1
    deployed = f"outputs in {chosen.outputs}" if chosen.outputs.exists() else "no app deployed yet"
    print(f"The embedded cloud runs in {chosen.state}; {deployed}.")
    return 0


def env(chosen: Config) -> int:
    """Print the variables with which other clients of AWS call the running cloud, as commands of a shell."""
    known = aws.client_settings(cloud.read_outputs(chosen))
    print(f"export AWS_ENDPOINT_URL={known['endpoint_url']} AWS_REGION={known['region_name']}")
    print(f"export AWS_DEFAULT_REGION={known['region_name']} AWS_ACCESS_KEY_ID={known['aws_access_key_id']}")
    print(f"export AWS_SECRET_ACCESS_KEY={known['aws_secret_access_key']}")
    print("unset AWS_SESSION_TOKEN AWS_PROFILE")
    return 0


COMMANDS = {"up": up, "deploy": redeploy, "down": down, "reset": reset, "status": status, "env": env}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        choices=COMMANDS,
        help="up: start and deploy; deploy: deploy to the running cloud;"
        " down: stop and keep the data; reset: stop and delete the data; status: print whether it runs;"
        " env: print shell commands that export its address and credentials",
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="folder of all files of the embedded cloud (default: .local)",
    )
    parser.add_argument(
        "--aws-port", type=_port, metavar="N", help="port of the AWS emulator (default: 4566)"
    )
    parser.add_argument("--pg-port", type=_port, metavar="N", help="port of PostgreSQL (default: 15432)")
    return parser


def _port(value: str) -> int:
    try:
        return config.port(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{value!r}: {error}") from error


def _chosen(options: argparse.Namespace) -> Config:
    values = {
        "state": options.state and options.state.resolve(),
        "aws_port": options.aws_port,
        "pg_port": options.pg_port,
    }
    given = {name: value for name, value in values.items() if value is not None}
    return dataclasses.replace(config.from_environment(), **given)


if __name__ == "__main__":
    sys.exit(main())
