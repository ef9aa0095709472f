"""Which deployment a call works on: the embedded cloud, or a stack on AWS; and clients for it."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from dotenv import dotenv_values

from dataforge_cli.errors import BadOutputs, NoDeployment, NoOutput, WrongCall
from dataforge_cli.failures import error_code

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

CLONE = Path(__file__).resolve().parents[2]
DEFAULT_STAGE = "dev"
ON_AWS = Config(
    retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, user_agent_extra="dataforge"
)
# A proxy of the user's environment must not stand between the command and this machine.
ON_THIS_MACHINE = ON_AWS.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 2}, proxies={}),
)
# The schema function may take 14 minutes, and must not be called twice.
FOR_FUNCTIONS = Config(
    read_timeout=900, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)


@dataclass(frozen=True)
class Deployment:
    """A deployed app: its outputs, and how to reach it. ``name`` and ``flags`` are for people."""

    name: str
    outputs: Mapping[str, str] = field(repr=False)
    session: boto3.Session = field(repr=False)
    config: Config = field(repr=False)
    endpoint: str | None = None
    flags: str = ""
    """What to add to a command line so that it works on this deployment again."""

    def __getitem__(self, output: str) -> str:
        """An output by its name in snake case. Raises ``NoOutput``."""
        try:
            return self.outputs[output]
        except KeyError:
            raise NoOutput(self.name, output) from None

    @cached_property
    def s3(self) -> S3Client:
        """A client of S3."""
        return self.session.client("s3", endpoint_url=self.endpoint, config=self.config)

    @cached_property
    def states(self) -> SFNClient:
        """A client of Step Functions."""
        return self.session.client("stepfunctions", endpoint_url=self.endpoint, config=self.config)

    @cached_property
    def gateway(self) -> APIGatewayClient:
        """A client of API Gateway."""
        return self.session.client("apigateway", endpoint_url=self.endpoint, config=self.config)

    @cached_property
    def functions(self) -> LambdaClient:
        """A client of Lambda."""
        config = self.config.merge(FOR_FUNCTIONS)
        return self.session.client("lambda", endpoint_url=self.endpoint, config=config)


def find_deployment(stage: str | None, outputs: Path | None) -> Deployment:
    """The deployment that the options name; without them the embedded cloud if it is deployed, else AWS, stage dev.

    Raises ``WrongCall`` and its kin, or botocore's errors.
    """
    if stage is not None and outputs is not None:
        raise WrongCall("--stage and --outputs both choose the deployment. Give one of them.")
    if outputs is not None:
        return from_file(outputs, f" --outputs {shlex.quote(str(outputs))}")
    embedded = state_folder() / "outputs.json"
    if stage is None and embedded.exists():
        return from_file(embedded)
    return from_stack(stage or DEFAULT_STAGE, f" --stage {stage}" if stage else "")


def state_folder(environ: Mapping[str, str] | None = None, env_file: Path = CLONE / ".env") -> Path:
    """Where the embedded cloud keeps its state, found as ``make local`` finds it: a relative folder is the clone's."""
    given = dotenv_values(env_file) | dict(os.environ if environ is None else environ)
    return CLONE / (given.get("DATAFORGE_STATE") or ".local")


def from_file(path: Path, flags: str = "") -> Deployment:
    """The deployment of an outputs.json: the embedded cloud if it holds ``aws_endpoint_url``. Raises ``BadOutputs``."""
    outputs = _read_outputs(path)
    endpoint = outputs.get("aws_endpoint_url")
    if endpoint is None:
        session = boto3.Session(region_name=outputs.get("region"))
        return Deployment(f"AWS in {session.region_name} ({path})", outputs, session, ON_AWS, None, flags)
    session = _dummy_session(outputs.get("region", "us-east-1"))
    return Deployment(
        f"the embedded cloud at {endpoint} ({path})", outputs, session, ON_THIS_MACHINE, endpoint, flags
    )


def _read_outputs(path: Path) -> dict[str, str]:
    try:
        outputs = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadOutputs(path, error.strerror or "cannot be read") from error
    except ValueError as error:
        raise BadOutputs(path, "is not JSON") from error
    if not isinstance(outputs, dict) or not all(isinstance(value, str) for value in outputs.values()):
        raise BadOutputs(path, "is not a JSON object of texts")
    if "raw_bucket" not in outputs:
        raise BadOutputs(path, "has no raw_bucket")
    return outputs


def _dummy_session(region: str) -> boto3.Session:
    """A session with the emulator's credentials that reads neither the user's profile nor AWS's files."""
    unread = dict.fromkeys(("profile", "config_file", "credentials_file"), (None, None, None, None))
    core = botocore.session.Session(session_vars=unread)
    return boto3.Session("test", "test", region_name=region, botocore_session=core)


def from_stack(stage: str, flags: str = "") -> Deployment:
    """The deployment of a stage on AWS, with the user's credentials and region. Raises ``NoDeployment``."""
    # boto3 reads AWS_DEFAULT_REGION alone; AWS's command line, and CDK, read AWS_REGION first.
    stack, session = f"DataForge-{stage}", boto3.Session(region_name=os.environ.get("AWS_REGION"))
    client = session.client("cloudformation", config=ON_AWS)
    try:
        found = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        found = []
    if not found:
        raise NoDeployment(stack, client.meta.region_name)
    outputs = {snake_case(o["OutputKey"]): o["OutputValue"] for o in found[0].get("Outputs", [])}
    return Deployment(
        f"AWS, stack {stack} in {client.meta.region_name}", outputs, session, ON_AWS, None, flags
    )


def snake_case(name: str) -> str:
    """``RawBucket`` as ``raw_bucket``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
