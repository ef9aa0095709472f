"""Calls that services make for a resource: rules, schedules, the API, alarms, and Lambda for its functions.

The emulator makes them without a principal.
"""

import logging
from contextvars import ContextVar
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway_v1, cloudwatch, cloudwatch_logs, eventbridge, lambda_svc, sns

from local.emulator.anchors import require
from local.emulator.iam.authorize import Caller, Denied, assume, authorize, role_session, service

log = logging.getLogger("iam")
_rule: ContextVar[tuple[dict[str, Any], dict[str, Any]] | None] = ContextVar("rule", default=None)
"""The rule or the schedule of EventBridge, and its target, that this thread invokes."""
_alarm: ContextVar[dict[str, Any] | None] = ContextVar("alarm", default=None)
"""The alarm whose actions this thread performs."""


def apply() -> None:
    """A denied invocation does not happen; what is visible of it is that of AWS."""
    _apply_to_rules()
    _apply_to_alarms()
    _apply_to_the_api()
    _apply_to_functions()


def _apply_to_rules() -> None:
    names = ("_invoke_target", "_dispatch_to_lambda", "_dispatch_to_stepfunctions", "_dispatch_to_sqs")
    require("iam.invocations", eventbridge, *names)
    invoke, to_lambda = eventbridge._invoke_target, eventbridge._dispatch_to_lambda
    to_machine = eventbridge._dispatch_to_stepfunctions

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> Any:
        token = _rule.set((rule, target))
        try:
            return invoke(target, event, rule, view)
        finally:
            _rule.reset(token)

    def dispatch_to_lambda(arn: str, payload: str) -> None:
        _deliver("lambda:InvokeFunction", to_lambda, arn, payload)

    def dispatch_to_machine(arn: str, payload: str) -> None:
        _deliver("states:StartExecution", to_machine, arn, payload)

    eventbridge._invoke_target, eventbridge._dispatch_to_lambda = invoke_target, dispatch_to_lambda
    eventbridge._dispatch_to_stepfunctions = dispatch_to_machine


def _deliver(action: str, dispatch: Any, arn: str, payload: str) -> None:
    """Deliver an event; if that is denied, put it into the target's queue of dead letters."""
    known = _rule.get()
    try:
        if known:
            authorize(_caller(action, *known), action, arn)
    except Denied:
        _to_dead_letters(payload)
    else:
        dispatch(arn, payload)


def _caller(action: str, rule: dict[str, Any], target: dict[str, Any]) -> Caller:
    """The role of the target, for a schedule and for a rule that starts a machine; otherwise the rule itself."""
    _, _, kind, *place = rule["Arn"].split(":")
    if kind == "scheduler":
        group = f"arn:aws:scheduler:{place[0]}:{place[1]}:schedule-group/{rule.get('GroupName') or 'default'}"
        return assume(target["RoleArn"], "scheduler.amazonaws.com", group, "scheduler")
    if action == "states:StartExecution":
        return assume(target["RoleArn"], "events.amazonaws.com", rule["Arn"], "events")
    return service("events.amazonaws.com", rule["Arn"])


def _to_dead_letters(payload: str) -> None:
    rule, target = _rule.get() or ({}, {})
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    try:
        authorize(_caller("sqs:SendMessage", rule, target), "sqs:SendMessage", queue)
    except Denied:
        return
    eventbridge._dispatch_to_sqs(eventbridge.parse_arn(queue), payload, {})


def _apply_to_alarms() -> None:
    require("iam.invocations", cloudwatch, "_dispatch_alarm_actions")
    require("iam.invocations", sns, "_fanout")
    act, publish = cloudwatch._dispatch_alarm_actions, sns._fanout

    def act_for_alarm(alarm: Any, *states: Any) -> Any:
        token = _alarm.set(alarm)
        try:
            return act(alarm, *states)
        finally:
            _alarm.reset(token)

    def publish_for_alarm(topic: str, *message: Any, **others: Any) -> None:
        alarm = _alarm.get()
        try:
            if alarm:
                authorize(service("cloudwatch.amazonaws.com", alarm["AlarmArn"]), "sns:Publish", topic)
        except Denied:
            return
        publish(topic, *message, **others)

    cloudwatch._dispatch_alarm_actions, sns._fanout = act_for_alarm, publish_for_alarm


def _apply_to_the_api() -> None:
    require("iam.invocations", apigateway_v1, "_call_lambda_raw")
    original = apigateway_v1._call_lambda_raw

    async def call_lambda(reference: str, event: Any, **scope: Any) -> Any:
        _, config, _ = lambda_svc._get_func_record_for_ref(reference)
        try:
            if config:
                authorize(
                    service("apigateway.amazonaws.com", _method(event)),
                    "lambda:InvokeFunction",
                    config["FunctionArn"],
                )
        except Denied as error:
            return None, str(error)
        return await original(reference, event, **scope)

    apigateway_v1._call_lambda_raw = call_lambda


def _method(event: dict[str, Any]) -> str:
    """The ARN of the method of the API that was called."""
    call = event["requestContext"]
    api = f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{call['apiId']}"
    return f"{api}/{call['stage']}/{call['httpMethod']}{call['resourcePath']}"


def _apply_to_functions() -> None:
    require("iam.invocations", lambda_svc, "_emit_lambda_logs", "_route_async_failure", "_functions")
    require("iam.invocations", cloudwatch_logs, "_log_groups")
    write, give_up = lambda_svc._emit_lambda_logs, lambda_svc._route_async_failure

    def write_logs(function: Any, request: str, *rest: Any, **others: Any) -> None:
        if _may_log(function.get("config") or function):
            write(function, request, *rest, **others)

    def route_failure(target: str, name: str, *rest: Any) -> None:
        config = lambda_svc._functions[name]["config"]
        try:
            authorize(role_session(config["Role"], name), "sqs:SendMessage", target)
        except Denied:
            return
        give_up(target, name, *rest)

    lambda_svc._emit_lambda_logs, lambda_svc._route_async_failure = write_logs, route_failure


def _may_log(config: dict[str, Any]) -> bool:
    """Lambda writes the logs of a function as its role; without permission there are none."""
    name = config["FunctionName"]
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}"
    caller = role_session(config["Role"], name)
    try:
        if group not in cloudwatch_logs._log_groups:
            authorize(caller, "logs:CreateLogGroup", arn)
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            authorize(caller, action, f"{arn}:log-stream:{config.get('Version', '$LATEST')}")
    except Denied:
        return False
    return True
