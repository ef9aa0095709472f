"""Calls of state machines, as the role of the state machine.

The emulator calls the services without a role.
"""

from collections.abc import Mapping
from typing import Any

from ministack import app
from ministack.services import lambda_svc, stepfunctions

from local.emulator.anchors import require
from local.emulator.iam import requests
from local.emulator.iam.authorize import Caller, Denied, assume, authorize, current

LOGGING = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)
"""The permissions that a state machine with logs needs when it is created."""
PREFIXES = {"s3": "S3", "states": "Sfn", "kms": "Kms"}
"""The names of services in the errors of Step Functions."""


def apply() -> None:
    """A denied call fails the state with the error of AWS, which its retriers and catchers see."""
    require(
        "iam.machines",
        stepfunctions,
        "_execute_task",
        "_call_lambda",
        "_run_distributed_map",
        "_ExecutionError",
    )
    require("iam.machines", stepfunctions, "_s3_object_text", "_state_machines", "_resolve_params_obj")
    require("iam.machines", app, "call_service_handler_sync", "SERVICE_HANDLERS")
    require("iam.machines", lambda_svc, "_get_func_record_for_ref")
    originals = stepfunctions._execute_task, stepfunctions._call_lambda, stepfunctions._s3_object_text
    execute, call_lambda, read_object = originals
    run_map, call_handler = stepfunctions._run_distributed_map, app.call_service_handler_sync

    def execute_task(state: Any, given: Any, execution: Any, context: Any) -> Any:
        return _as_role(execution, execute, state, given, execution, context)

    def run_distributed_map(
        state: Any, raw: Any, effective: Any, iterator: Any, execution: Any, context: Any
    ) -> Any:
        def run() -> Any:
            _require_children(state, effective, execution, context)
            return run_map(state, raw, effective, iterator, execution, context)

        return _as_role(execution, run)

    def call_function(reference: str, event: Any) -> Any:
        require_invocation(reference)
        return call_lambda(reference, event)

    def object_text(bucket: str, key: str) -> Any:
        _require("States.ItemReaderFailed", "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
        return read_object(bucket, key)

    def call_service(handler: Any, method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        # Without a caller, CloudFormation provisions a resource.
        if current.get():
            _require_service(handler, method, path, headers, body, query)
        return call_handler(handler, method, path, headers, body, query)

    stepfunctions._execute_task, stepfunctions._run_distributed_map = execute_task, run_distributed_map
    stepfunctions._call_lambda, stepfunctions._s3_object_text = call_function, object_text
    app.call_service_handler_sync = call_service


def session(execution: Mapping[str, Any]) -> Caller:
    """The session of the role of an execution's state machine. Raises ``Denied`` if the role's trust policy refuses."""
    # The children of a Distributed Map have the label of the state behind a slash.
    machine = execution["stateMachineArn"].split("/")[0]
    role = stepfunctions._state_machines[machine]["roleArn"]
    return assume(role, "states.amazonaws.com", machine, execution["name"][:64])


def _as_role(execution: Any, run: Any, *arguments: Any) -> Any:
    """Run with the role as the caller."""
    try:
        caller = session(execution)
    except Denied as error:
        raise stepfunctions._ExecutionError("States.TaskFailed", str(error)) from error
    token = current.set(caller)
    try:
        return run(*arguments)
    finally:
        current.reset(token)


def _require(code: str, action: str, resource: str, context: Any = None) -> None:
    """Raise the state's error with this code unless the current caller may do this."""
    caller = current.get()
    if caller is None:
        raise stepfunctions._ExecutionError("States.Runtime", f"No role calls {action}.")
    try:
        authorize(caller, action, resource, context)
    except Denied as error:
        raise stepfunctions._ExecutionError(code, str(error)) from error


def require_invocation(reference: str) -> None:
    """Raise the error of a state unless the current caller may invoke the function."""
    _, config, _ = lambda_svc._get_func_record_for_ref(reference)
    if config:
        _require("Lambda.AWSLambdaException", "lambda:InvokeFunction", config["FunctionArn"])


def _require_service(handler: Any, method: str, path: str, headers: Any, body: Any, query: Any) -> None:
    service = next(name for name, known in app.SERVICE_HANDLERS.items() if known is handler)
    raw = body.encode() if isinstance(body, str) else body
    prefix = PREFIXES.get(service, service.capitalize())
    parameters = {name: [value] for name, value in query.items()}
    for action, resource, context in requests.checks(
        requests.Wire(service, method, path, headers, raw, parameters)
    ):
        _require(f"{prefix}.{prefix}Exception", action, resource, context)


def _require_children(state: Any, effective: Any, execution: Any, context: Any) -> None:
    """The permissions of a Distributed Map to start its children and to write their results."""
    _require("States.Runtime", "states:StartExecution", execution["stateMachineArn"].split("/")[0])
    if writer := state.get("ResultWriter"):
        given = stepfunctions._resolve_params_obj(writer.get("Parameters") or {}, effective, context)
        place = f"arn:aws:s3:::{given['Bucket']}/{given.get('Prefix', '')}"
        _require("States.ResultWriterFailed", "s3:PutObject", f"{place}/{execution['name']}/manifest.json")
