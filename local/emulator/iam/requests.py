"""Authorize the requests to the emulator: the actions that a request performs, and on which resources."""

import json
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlencode

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.core.router import detect_service, extract_region
from ministack.services import s3

from local.emulator.anchors import require
from local.emulator.gate import Answer, IfMissing, Refusal
from local.emulator.iam import sessions
from local.emulator.iam.authorize import Caller, Denied, Unreachable, authorize
from local.emulator.s3.context import s3_context
from local.emulator.signatures import Credential, Request
from local.iam.calls import Value

FREE = ("sts:GetCallerIdentity", "sts:GetSessionToken")
"""Actions that need no permission."""
TAGGING = ("logs:TagResource", "logs:UntagResource", "logs:ListTagsForResource")
PASSED_ROLES = {
    "lambda:CreateFunction": ("lambda.amazonaws.com", "Role"),
    "lambda:UpdateFunctionConfiguration": ("lambda.amazonaws.com", "Role"),
    "states:CreateStateMachine": ("states.amazonaws.com", "roleArn"),
    "states:UpdateStateMachine": ("states.amazonaws.com", "roleArn"),
    "events:PutTargets": ("events.amazonaws.com", "RoleArn"),
    "scheduler:CreateSchedule": ("scheduler.amazonaws.com", "RoleArn"),
    "scheduler:UpdateSchedule": ("scheduler.amazonaws.com", "RoleArn"),
    "cloudformation:CreateStack": ("cloudformation.amazonaws.com", "RoleARN"),
    "cloudformation:UpdateStack": ("cloudformation.amazonaws.com", "RoleARN"),
    "cloudformation:CreateChangeSet": ("cloudformation.amazonaws.com", "RoleARN"),
}
"""Actions that give a role to a service, which needs ``iam:PassRole``, and the name of the role in the request."""


class Check(NamedTuple):
    """One action on one resource."""

    action: str
    resource: str
    context: dict[str, Value]


class Wire(NamedTuple):
    """A request as the emulator's functions take it."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    parameters: dict[str, list[str]]


def require_anchors() -> None:
    """Raise ``AnchorGone`` if the emulator's functions have other names."""
    names = ("extract_iam_action", "extract_resource_arn", "s3_additional_checks")
    require("iam.requests", iam_actions, *names, "access_denied_response")
    require("iam.requests", app, "_routing_params")
    require("iam.requests", s3, "_merge_hoisted_amz_headers")
    require("iam.requests", s3, "object_tags_for_condition", "upload_encryption_header")


def authorize_request(request: Request, body: bytes, credential: Credential) -> IfMissing:
    """Raise ``Refusal`` unless the principal of the credential may do what the request does.

    The result is to be called if the answer is 404, and returns the answer that replaces it, or None.
    """
    caller = sessions.caller(credential)
    if caller.principal.is_root:
        return _nothing
    wire = read(request, body)
    try:
        found = list(checks(wire))
        for check in found:
            authorize(caller, *check)
    except Denied as error:
        raise Refusal(_answer(wire, error)) from error
    except Unreachable as error:
        raise Refusal((504, {"content-type": "text/plain"}, str(error).encode())) from error
    return lambda: _instead_of_missing(wire, caller, found)


def _nothing() -> None:
    return None


def read(request: Request, body: bytes) -> Wire:
    """The request in the form of the emulator."""
    headers = dict(request.headers)
    query = parse_qs(request.query, keep_blank_values=True)
    path = unquote(request.path)
    parameters = app._routing_params(request.method, path, headers, body, query)
    service = detect_service(request.method, path, headers, parameters)
    return Wire(service, request.method, path, headers, body, parameters)


def checks(wire: Wire) -> Iterator[Check]:
    """The actions of the request. An operation that is not known is an action that no policy allows."""
    service, method, path, headers, body, parameters = wire
    if path.startswith("/_"):  # the emulator's own
        yield Check(f"{service}:UnknownOperation", "*", {})
        return
    action = iam_actions.extract_iam_action(service, method, path, headers, body, parameters)
    action = action or f"{service}:UnknownOperation"
    if action in FREE:
        return
    yield Check(action, _resource(action, wire), _context(action, wire))
    if service == "s3":
        hoisted = s3._merge_hoisted_amz_headers(headers, parameters)
        for further in iam_actions.s3_additional_checks(method, path, hoisted, body, parameters):
            yield Check(further[0], further[1], {})
    yield from _passed_roles(action, wire)


def _resource(action: str, wire: Wire) -> str:
    """The ARN of the resource. Some that the emulator names differ from those of AWS."""
    found: str = iam_actions.extract_resource_arn(*wire, extract_region(wire.headers), get_account_id())
    if wire.service == "logs" and ":log-group:" in found and action not in TAGGING:
        # As in the messages of AWS. Policies therefore end with `:*`.
        return found if ":log-stream:" in found else f"{found}:log-stream:"
    if found == "*" and wire.service == "states":
        return str(_json(wire.body).get("mapRunArn", found))
    return found


def _context(action: str, wire: Wire) -> dict[str, Value]:
    """The condition keys of the service."""
    if wire.service == "s3":
        return _s3_context(action, wire)
    given = _json(wire.body)
    if wire.service == "kms":
        return {"kms:macalgorithm": str(given["MacAlgorithm"])} if "MacAlgorithm" in given else {}
    if action == "cloudwatch:PutMetricData":
        named = given.get("Namespace") or wire.parameters.get("Namespace", [""])[0]
        return {"cloudwatch:namespace": str(named)}
    return {}


def _s3_context(action: str, wire: Wire) -> dict[str, Value]:
    """Also those of stored things: the encryption of the upload of a part, and the tags of an object."""
    query = urlencode(wire.parameters, doseq=True)
    context: dict[str, Value] = {
        **s3_context(Request(wire.method, wire.path, query, list(wire.headers.items())))
    }
    bucket, _, key = wire.path.lstrip("/").partition("/")
    if action in ("s3:GetObject", "s3:GetObjectVersion"):
        tags = s3.object_tags_for_condition(bucket, key, wire.parameters)
        context |= {f"s3:existingobjecttag/{name.lower()}": str(value) for name, value in tags.items()}
    upload = wire.parameters.get("uploadId", [""])[0]
    if action == "s3:PutObject" and upload and (encryption := s3.upload_encryption_header(upload)):
        context["s3:x-amz-server-side-encryption"] = encryption
    if action == "s3:PutObject":
        # Not the request that begins an upload, nor its parts.
        part = wire.method == "PUT" and "uploadId" in wire.parameters
        creates = not (part or "uploads" in wire.parameters)
        context["s3:objectcreationoperation"] = str(creates).lower()
    return context


def _passed_roles(action: str, wire: Wire) -> Iterator[Check]:
    if action not in PASSED_ROLES:
        return
    to, name = PASSED_ROLES[action]
    given = _json(wire.body)
    places = [given, given.get("Target") or {}, *(given.get("Targets") or ())]
    roles = [place[name] for place in places if place.get(name)] + wire.parameters.get(name, [])
    for role in roles:
        yield Check("iam:PassRole", role, {"iam:passedtoservice": to})


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _answer(wire: Wire, error: Denied) -> Answer:
    call = error.call
    answer: Answer = iam_actions.access_denied_response(
        wire.service,
        call.action,
        call.principal.arn,
        str(uuid.uuid4()),
        message=str(error),
        headers=wire.headers,
        resource_arn=call.resource,
        explicit_deny=error.decision.explicit,
    )
    return answer


def _instead_of_missing(wire: Wire, caller: Caller, found: list[Check]) -> Answer | None:
    """AWS answers 403 for a missing object unless the caller may list its bucket."""
    if not (found and found[0].action in ("s3:GetObject", "s3:GetObjectVersion")):
        return None
    try:
        authorize(caller, "s3:ListBucket", found[0].resource.split("/")[0])
    except Denied as error:
        return _answer(wire, error)
    return None
