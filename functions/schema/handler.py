"""Entry points of the schema's three functions.

``on_event`` (outside the VPC) answers CloudFormation and the command line; it alone may read the master's secret, and hands
it on in the payload of one synchronous call. ``apply_schema`` (inside the VPC) works on the database. So the VPC needs no
endpoint for Secrets Manager, and no secret is in an environment or a log.
"""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from dataforge.aws.clients import WORKER, invoking, make_client
from dataforge.aws.custom_resource import answer
from dataforge.aws.failures import explain, explain_caught
from dataforge.aws.situations import SITUATIONS
from dataforge.aws.telemetry import entry_point, make_logger
from dataforge.errors import SchemaRefused, Unavailable
from dataforge.postgres.connection import connect
from dataforge.postgres.connection_budget import Budget
from dataforge.postgres.roles import LOGINS
from dataforge.settings import DatabaseSettings, Settings, read
from functions.schema.apply.apply import apply as apply_schema
from functions.schema.apply.connections import connection_limits
from functions.schema.apply.reach import PATIENCE, is_denied, reach
from functions.schema.doctor.doctor import examine
from functions.schema.doctor.fault import Fault
from functions.schema.doctor.master import require_sign_in
from functions.schema.upkeep import work

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


logger = make_logger("schema")

PHYSICAL_ID = "dataforge-schema"

MASTER_HINT = (
    "Set the master password to what the secret holds: aws rds modify-db-instance --apply-immediately "
    "--master-user-password (see docs/operations.md)."
)


_MARGIN = 30
"""Seconds beyond the applier's time-out, so that Lambda's own answer to it is what is read."""


class KeeperSettings(Settings):
    """What the keeper needs; ``role_secrets`` is JSON, role to secret ARN, empty where IAM signs the roles in."""

    master_secret_arn: str
    apply_function: str
    apply_seconds: int = 720
    """The applier's time-out."""
    role_secrets: str = "{}"
    upkeep_arn: str = ""
    """The state machine that does what an apply leaves for later."""


UNREACHABLE_HINT = (
    "Check that the instance is available (aws rds describe-db-instances) and that its security group lets "
    "the functions in."
)


class ApplySettings(DatabaseSettings):
    """What the applier needs; who it connects as comes with each call. ``max_connections``: 0 for all of the server's."""

    db_user: str = ""
    load_concurrency: int
    backup_concurrency: int
    export_concurrency: int
    max_connections: int = 0

    @property
    def budget(self) -> Budget:
        """What the logins' limits are worked out from."""
        return Budget(self.load_concurrency, self.backup_concurrency, self.export_concurrency)


@entry_point(logger)
def on_event(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A CloudFormation request, or {"action": "apply" | "doctor"} from the command line."""
    if "ResponseURL" in event:
        answer(event, PHYSICAL_ID, partial(_deploy, event["RequestType"]))
        return {}
    return keep(event.get("action", "doctor"))


def _deploy(request: str) -> dict[str, str]:
    """Apply the catalogue; when the resource is deleted nothing happens, because data is never dropped."""
    if request != "Delete":
        keep("apply")
    return {}


def keep(action: str) -> dict[str, Any]:
    """Have the applier do the action, with the credentials it needs. Raises ``SchemaRefused`` with its reason."""
    settings = read(KeeperSettings)
    secrets = make_client("secretsmanager", WORKER)
    passwords = {
        role: _secret(secrets, arn)["password"] for role, arn in json.loads(settings.role_secrets).items()
    }
    payload = {
        "action": action,
        "master": _secret(secrets, settings.master_secret_arn),
        "passwords": {role: passwords.get(role) for role in LOGINS},
    }
    answered = once(settings.apply_seconds).invoke(
        FunctionName=settings.apply_function, Payload=json.dumps(payload)
    )
    result: dict[str, Any] = json.loads(answered["Payload"].read())
    if "FunctionError" in answered:
        raise SchemaRefused(_reason(result))
    logger.info("schema handled", extra={"action": action, "result": result})
    if result.get("later") and settings.upkeep_arn:
        _start_upkeep(settings.upkeep_arn)
    return result


def _reason(result: dict[str, Any]) -> str:
    """Why the applier failed: in its own words, or in ours if it was ended from outside, which Lambda words for itself."""
    failure = explain("", json.dumps(result))
    if failure.error not in {situation.code for situation in SITUATIONS}:
        return failure.cause
    return (
        f"The function that works on the schema did not end by itself ({failure.error}). All of the schema was changed, or"
        " nothing. Deploy again, or run dataforge doctor --repair."
    )


def _start_upkeep(machine: str) -> None:
    """Start the upkeep. That it could not be started fails no deployment: the doctor shows what is left."""
    try:
        make_client("stepfunctions", WORKER).start_execution(stateMachineArn=machine)
    except (BotoCoreError, ClientError):
        logger.exception("the upkeep was not started; dataforge doctor --repair starts it")


def once(seconds: float) -> Any:
    """A client of Lambda that waits for a function of this time-out, and never invokes it a second time."""
    return make_client("lambda", invoking(seconds + _MARGIN))


def _secret(secrets: SecretsManagerClient, arn: str) -> dict[str, str]:
    """Username and password of a secret, and nothing else that may be in it."""
    document = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    return {name: document[name] for name in ("username", "password")}


@entry_point(logger)
def apply(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Apply the catalogue to the database, or examine it; the event holds the credentials and is never logged."""
    master = event["master"]
    settings = read(ApplySettings).model_copy(update={"db_user": master["username"]})
    try:
        patience = PATIENCE if event["action"] == "apply" else 0
        db = reach(partial(connect, settings, master["password"]), patience)
    except Unavailable as error:
        if event["action"] != "doctor":
            raise
        hint = MASTER_HINT if is_denied(error) else UNREACHABLE_HINT
        return {"findings": [Fault("no_master", settings.db_user, str(error), by_hand=hint).finding()]}
    try:
        limits = connection_limits(db, settings.budget, settings.max_connections or None)
        if event["action"] == "doctor":
            return {"findings": examine(db, event["passwords"], partial(_sign_in, settings), limits)}
        applied = apply_schema(db, event["passwords"], limits=limits)
        if None in event["passwords"].values():
            require_sign_in(db, partial(_sign_in, settings, settings.db_user, master["password"]))
        return applied
    finally:
        db.close()


def _sign_in(settings: DatabaseSettings, role: str, password: str) -> None:
    connect(settings.model_copy(update={"db_user": role}), password).close()


@entry_point(logger)
def upkeep(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do the next change that a deployment left for later: {"next": "again" | "wait" | "done"}.

    Or, for the step "explain", explain what the state machine caught: {"error", "cause"}.
    """
    if event.get("step") == "explain":
        return explain_caught(event["error"]).as_answer()
    with closing(connect(read(DatabaseSettings))) as db:
        return {"next": work(db)}
