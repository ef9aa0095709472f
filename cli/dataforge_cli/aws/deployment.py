"""The deployment of a call, which is the embedded cloud or a stack on AWS, and its clients."""

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

from botocore.exceptions import BotoCoreError, ClientError
from dotenv import dotenv_values

from dataforge.aws.clients import (
    COMMAND_LINE,
    THIS_MACHINE,
    Access,
    embedded_session,
    invoking,
    make_client,
    role_session,
    session,
)
from dataforge.backups.key_service import make_verifier
from dataforge.backups.signatures import Verifier
from dataforge_cli.aws.failures import error_code
from dataforge_cli.errors import BadOutputs, NoDeployment, NoOutput, WrongCall

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

CLONE = Path(__file__).resolve().parents[3]
DEFAULT_STAGE = "dev"
EMBEDDED_OUTPUTS = ("region", "aws_access_key_id", "aws_secret_access_key")
"""Outputs without which the embedded cloud cannot be called."""
ROLE = "DATAFORGE_ROLE"
"""Selects the user's role on the embedded cloud: operator or viewer. On AWS, the user's profile selects it."""
SCHEMA_SECONDS = 15 * 60
"""Read time-out of a call of the schema function."""


@dataclass(frozen=True)
class Deployment:
    """A deployed app: its outputs and clients. ``name`` and ``flags`` are for messages."""

    name: str
    outputs: Mapping[str, str] = field(repr=False)
    access: Access = field(repr=False)
    config: Config = field(repr=False)
    flags: str = ""
    """Options that select this deployment on the command line."""
    embedded: Path | None = None
    """The state folder of the embedded cloud; None on AWS."""

    def __getitem__(self, output: str) -> str:
        """Return an output by its name in snake case. Raises ``NoOutput``."""
        try:
            return self.outputs[output]
        except KeyError:
            raise NoOutput(self.name, output) from None

    @cached_property
    def s3(self) -> S3Client:
        """A client of S3."""
        return make_client("s3", self.config, self.access)

    @cached_property
    def verifier(self) -> Verifier:
        """The verifier of the signatures of backups. Raises ``NoOutput``."""
        kms = make_client("kms", self.config, self.access)
        return make_verifier(kms, self["backup_bucket"], self["manifest_key"], self["verification_key"])

    @cached_property
    def states(self) -> SFNClient:
        """A client of Step Functions."""
        return make_client("stepfunctions", self.config, self.access)

    @cached_property
    def gateway(self) -> APIGatewayClient:
        """A client of API Gateway."""
        return make_client("apigateway", self.config, self.access)

    @cached_property
    def stated_identity(self) -> dict[str, str]:
        """The caller as a field of an input, for the audit; none if AWS does not answer."""
        try:
            arn = make_client("sts", self.config, self.access).get_caller_identity()["Arn"]
        except (BotoCoreError, ClientError):
            return {}
        return {"requested_by": arn}

    @cached_property
    def functions(self) -> LambdaClient:
        """A client of Lambda."""
        return make_client("lambda", self.config.merge(invoking(SCHEMA_SECONDS)), self.access)


def find_deployment(stage: str | None, outputs: Path | None) -> Deployment:
    """Return the deployment of the options. Default: the embedded cloud if it is deployed, else stage dev on AWS.

    Raises subclasses of ``WrongCall``, and botocore's errors.
    """
    if stage is not None and outputs is not None:
        raise WrongCall("--stage and --outputs cannot be combined.")
    if outputs is not None:
        return from_file(outputs, f" --outputs {shlex.quote(str(outputs))}")
    embedded = state_folder() / "outputs.json"
    if stage is None and embedded.exists():
        return from_file(embedded)
    return from_stack(stage or DEFAULT_STAGE, f" --stage {stage}" if stage else "")


def state_folder(environ: Mapping[str, str] | None = None, env_file: Path = CLONE / ".env") -> Path:
    """Return the state folder of the embedded cloud. A relative path is relative to the clone, as for ``make local``."""
    given = dotenv_values(env_file) | dict(os.environ if environ is None else environ)
    return CLONE / (given.get("DATAFORGE_STATE") or ".local")


def from_file(path: Path, flags: str = "") -> Deployment:
    """Return the deployment of an outputs.json: the embedded cloud if it has ``aws_endpoint_url``. Raises ``BadOutputs``."""
    outputs = _read_outputs(path)
    endpoint = outputs.get("aws_endpoint_url")
    if endpoint is None:
        users = session(outputs.get("region"))
        return Deployment(f"AWS in {users.region_name} ({path})", outputs, Access(users), COMMAND_LINE, flags)
    if missing := [name for name in EMBEDDED_OUTPUTS if name not in outputs]:
        raise BadOutputs(path, f"has no {', '.join(missing)}")
    access = Access(_user(outputs), endpoint)
    name = f"the embedded cloud at {endpoint} ({path})"
    return Deployment(name, outputs, access, THIS_MACHINE, flags, path.resolve().parent)


def _user(outputs: Mapping[str, str]) -> boto3.Session:
    """Return a session of the role that the variable selects, by default the operator; without roles, the administrator."""
    selected = os.environ.get(ROLE)
    arn = outputs.get(f"{selected or 'operator'}_role_arn")
    if arn is not None:
        return role_session(outputs, arn)
    if selected:
        raise WrongCall(f"{ROLE}={selected!r}: the roles are operator and viewer.")
    return embedded_session(outputs)


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


def from_stack(stage: str, flags: str = "") -> Deployment:
    """Return the deployment of a stage on AWS, with the user's credentials and region. Raises ``NoDeployment``."""
    # boto3 reads AWS_DEFAULT_REGION alone; AWS's command line, and CDK, read AWS_REGION first.
    stack, access = f"DataForge-{stage}", Access(session(os.environ.get("AWS_REGION")))
    client = make_client("cloudformation", COMMAND_LINE, access)
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
        f"AWS, stack {stack} in {client.meta.region_name}", outputs, access, COMMAND_LINE, flags
    )


def snake_case(name: str) -> str:
    """Convert ``RawBucket`` to ``raw_bucket``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
