"""Entry points of the three schema functions.

``on_event`` (outside the VPC) answers CloudFormation and the command line. Only it may read the master's secret, which it
passes in the payload of one synchronous call to ``apply`` (inside the VPC). Therefore the VPC needs no endpoint for Secrets
Manager, and no environment or log contains a secret. ``upkeep`` (inside the VPC) completes changes of large tables and
deletes expired rejections.
"""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field

from dataforge.aws.clients import WORKER, invoking, make_client
from dataforge.aws.custom_resource import answer
from dataforge.aws.failures import explain, explain_caught
from dataforge.aws.situations import SITUATIONS
from dataforge.aws.telemetry import entry_point, make_logger
from dataforge.defaults import AUDIT_DAYS, LEAST_AUDIT_DAYS, REJECTION_DAYS
from dataforge.errors import ApplierStopped, DataForgeError, InvalidInput, SchemaRefused, Unavailable
from dataforge.postgres.connection import connect
from dataforge.postgres.connection_budget import Budget
from dataforge.postgres.roles import LOGINS
from dataforge.runs.step_names import RunStep
from dataforge.settings import DatabaseSettings, Settings, read
from functions.schema.apply.apply import apply as apply_schema
from functions.schema.apply.connections import connection_limits
from functions.schema.apply.reach import PATIENCE, is_denied, reach
from functions.schema.audit import read_applicant, read_audit, record_failed
from functions.schema.doctor.doctor import examine, list_own
from functions.schema.doctor.finding import Finding
from functions.schema.doctor.logins import Limits
from functions.schema.doctor.master import require_sign_in
from functions.schema.key_limits import change_limits, copy_limits, read_change
from functions.schema.plan import plan, read_catalogue
from functions.schema.rollback import is_rolled_back
from functions.schema.upkeep import work

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from dataforge.postgres.types import Connection


logger = make_logger("schema")

PHYSICAL_ID = "dataforge-schema"

MASTER_HINT = (
    "Set the master password to what the secret holds: aws rds modify-db-instance --apply-immediately "
    "--master-user-password (see docs/operations.md)."
)


_READING = {"plan", "audit", "keys", "upkeep"}
"""Actions that need no login's password, and whose answer is not logged."""

_MARGIN = 30
"""Seconds that the caller waits beyond the applier's time-out, to receive Lambda's report of a time-out."""


class DeployerSettings(Settings):
    """Settings of the schema deployer. ``role_secrets``: JSON, role to secret ARN; empty with IAM authentication."""

    master_secret_arn: str
    apply_function: str
    apply_seconds: int = 720
    """The applier's time-out."""
    role_secrets: str = "{}"
    report_bucket: str = ""
    upkeep_arn: str = ""
    """State machine that completes the changes that an apply queued."""


class UpkeepSettings(DeployerSettings):
    """Settings of the upkeep. ``rejection_days``: the age at which rejections expire."""

    rejection_days: int = Field(default=REJECTION_DAYS, ge=1)


UNREACHABLE_HINT = (
    "Check that the instance is available (aws rds describe-db-instances) and that its security group lets "
    "the functions in."
)


class ApplySettings(DatabaseSettings):
    """Settings of the applier; the role is in each call. ``max_connections``: 0 for the server's limit.

    ``audit_days``: the age at which entries of the audit expire.
    """

    db_user: str = ""
    load_concurrency: int
    backup_concurrency: int
    export_concurrency: int
    max_connections: int = 0
    audit_days: int = Field(default=AUDIT_DAYS, ge=LEAST_AUDIT_DAYS)

    @property
    def budget(self) -> Budget:
        """Concurrency from which the connection limits of the logins are calculated."""
        return Budget(self.load_concurrency, self.backup_concurrency, self.export_concurrency)


@entry_point(logger)
def on_event(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a CloudFormation request, or {"action": "apply" | "doctor" | "plan" | "audit" | "keys"} from the command line.

    ``plan`` needs the new ``catalogue`` (``dataforge.tables.structure``). It changes nothing. ``audit`` lists entries
    (``dataforge.audit.listing``). ``keys`` returns the limits of all API keys, after the ``change`` of one, if it is given.
    ``apply`` and ``keys`` may state who requests them.
    """
    if "ResponseURL" in event:
        answer(event, PHYSICAL_ID, partial(_deploy, event))
        return {}
    applicant = {"principal": context.aws_request_id, "requested_by": event.get("requested_by")}
    match event.get("action", "doctor"):
        case "plan":
            return call_applier("plan", catalogue=event.get("catalogue"))
        case "audit":
            return call_applier("audit", query=event.get("query"), before=event.get("before"))
        case "apply":
            return call_applier("apply", applicant=applicant)
        case "keys":
            return _keys(event.get("change"), applicant)
        case action:
            return call_applier(action)


def _keys(document: Any, applicant: dict[str, Any]) -> dict[str, Any]:
    """The limits of all API keys, after the change. If its second half fails, it can be repeated."""
    change = None if document is None else read_change(document)
    result = call_applier("keys", change=document, applicant=applicant)
    if change is not None:
        copy_limits(make_client("s3", WORKER), read(DeployerSettings).report_bucket, change)
    return result


def _deploy(event: dict[str, Any]) -> dict[str, str]:
    """Apply the catalogue, if its plan still holds. A deletion changes nothing, and a failure fails no rollback."""
    if event["RequestType"] != "Delete":
        planned = event.get("ResourceProperties", {}).get("Plan", "")
        applicant = {"kind": "stack", "principal": event.get("StackId", "")}
        # The first resource precedes the functions of this version, the second follows them.
        contract = event.get("ResourceProperties", {}).get("Contract") == "true"
        try:
            call_applier("apply", planned=planned, applicant=applicant, contract=contract)
        except DataForgeError:
            # Changes are additive, and a failed step has made none: the functions to which the stack returns work with it.
            if not is_rolled_back(make_client("cloudformation", WORKER), event["StackId"]):
                raise
            logger.exception("the schema was not changed in a rollback; hint: run dataforge doctor")
    return {}


def call_applier(action: str, **arguments: Any) -> dict[str, Any]:
    """Invoke the applier with the credentials it needs. Raises ``SchemaRefused`` with the applier's reason."""
    settings = read(DeployerSettings)
    secrets = make_client("secretsmanager", WORKER)
    passwords = (
        {}
        if action in _READING
        else {
            role: _secret(secrets, arn)["password"] for role, arn in json.loads(settings.role_secrets).items()
        }
    )
    payload = {
        "action": action,
        "master": _secret(secrets, settings.master_secret_arn),
        "passwords": {role: passwords.get(role) for role in LOGINS} if action not in _READING else {},
        **arguments,
    }
    answered = invoker(settings.apply_seconds).invoke(
        FunctionName=settings.apply_function, Payload=json.dumps(payload)
    )
    result: dict[str, Any] = json.loads(answered["Payload"].read())
    if "FunctionError" in answered:
        raise _refusal(result)
    if action not in _READING:
        logger.info("schema handled", extra={"action": action, "result": result})
    if result.get("later") and settings.upkeep_arn:
        _start_upkeep(settings.upkeep_arn)
    return result


def _refusal(result: dict[str, Any]) -> SchemaRefused:
    """Why the applier failed: its own message, or a message for a time-out or crash, which Lambda reports."""
    failure = explain("", json.dumps(result))
    if failure.error not in {situation.code for situation in SITUATIONS}:
        return SchemaRefused(failure.cause)
    return ApplierStopped(
        f"The function that changes the schema was terminated ({failure.error}). Either all changes were made or none."
        " Hint: deploy again, or run dataforge doctor --repair."
    )


def _start_upkeep(machine: str) -> None:
    """Start the upkeep. A failure to start it does not fail the deployment: the doctor reports pending changes."""
    try:
        make_client("stepfunctions", WORKER).start_execution(stateMachineArn=machine)
    except (BotoCoreError, ClientError):
        logger.exception("the upkeep was not started; hint: dataforge doctor --repair starts it")


def invoker(seconds: float) -> Any:
    """A Lambda client that waits for a function with this time-out and never invokes it twice."""
    return make_client("lambda", invoking(seconds + _MARGIN))


def _secret(secrets: SecretsManagerClient, arn: str) -> dict[str, str]:
    """Username and password of a secret, without its other fields."""
    document = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    return {name: document[name] for name in ("username", "password")}


@entry_point(logger)
def apply(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Apply the catalogue, plan that, check the database, or limit API keys.

    The event contains the credentials and is never logged.
    """
    master = event["master"]
    settings = read(ApplySettings).model_copy(update={"db_user": master["username"]})
    try:
        patience = PATIENCE if event["action"] == "apply" else 0
        db = reach(partial(connect, settings, master["password"]), patience)
    except Unavailable as error:
        if event["action"] != "doctor":
            raise
        hint = MASTER_HINT if is_denied(error) else UNREACHABLE_HINT
        return {"findings": [Finding("no_master", settings.db_user, str(error), hint=hint).report()]}
    try:
        if event["action"] == "plan":
            with closing(connect(settings, master["password"])) as scratch:
                return plan(db, scratch, read_catalogue(event["catalogue"]))
        if event["action"] == "upkeep":
            return {"next": work(db, event["rejection_days"], event["execution"])}
        if event["action"] == "audit":
            return read_audit(db, event["query"], event["before"])
        if event["action"] == "keys":
            return {"keys": _limit_keys(db, event)}
        if event["action"] not in {"apply", "doctor"}:
            raise InvalidInput(f"The schema function has no action {event['action']!r}.")
        limits = connection_limits(db, settings.budget, settings.max_connections or None)
        if event["action"] == "doctor":
            found = examine(db, event["passwords"], partial(_sign_in, settings), limits)
            own = list_own(db)
            return {"findings": found} | ({"own": own} if own else {})
        applied = _apply(db, event, limits, settings.audit_days)
        if None in event["passwords"].values():
            require_sign_in(db, partial(_sign_in, settings, settings.db_user, master["password"]))
        return applied
    finally:
        db.close()


def _apply(db: Connection, event: dict[str, Any], limits: Limits, audit_days: int) -> dict[str, Any]:
    applicant = read_applicant(event.get("applicant"), audit_days)
    try:
        planned = event.get("planned", "")
        contract = event.get("contract", True)
        return apply_schema(
            db, event["passwords"], limits=limits, planned=planned, applicant=applicant, contract=contract
        )
    except DataForgeError as error:
        record_failed(db, applicant, error)
        raise


def _limit_keys(db: Connection, event: dict[str, Any]) -> list[dict[str, Any]]:
    applicant = read_applicant(event.get("applicant"), AUDIT_DAYS)
    change = event.get("change")
    return change_limits(db, None if change is None else read_change(change), applicant)


def _sign_in(settings: DatabaseSettings, role: str, password: str) -> None:
    connect(settings.model_copy(update={"db_user": role}), password).close()


@entry_point(logger)
def upkeep(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Make the next queued change, or delete some expired rejections. Returns {"next": "again" | "wait" | "done"}.

    The applier does it, as the master, and may be terminated while PostgreSQL completes a statement.
    For the step "explain": return {"error", "cause"} of the failure that the state machine caught.
    """
    if event.get("step") == RunStep.EXPLAIN:
        return explain_caught(event["error"]).as_answer()
    days, execution = read(UpkeepSettings).rejection_days, event.get("execution", "")
    try:
        return call_applier("upkeep", rejection_days=days, execution=execution)
    except ApplierStopped:
        return {"next": "wait"}
