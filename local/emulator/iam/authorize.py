"""Decide on each call in the emulator, and record it."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.emulator.iam import network, policies
from local.emulator.iam.records import Records
from local.emulator.s3.context import TRANSPORT
from local.iam.calls import Call, Decision, Document, Policies, Principal, Value, message
from local.iam.decide import decide


@dataclass(frozen=True)
class Caller:
    """Who calls, and the other facts about the call: session policy, subnets, condition keys."""

    principal: Principal
    session: Document | None = None
    subnets: tuple[str, ...] = ()
    context: Mapping[str, Value] = field(default_factory=dict)


class Denied(Exception):
    """A call that the policies do not allow."""

    def __init__(self, call: Call, decision: Decision) -> None:
        super().__init__(message(call, decision))
        self.call, self.decision = call, decision


class Unreachable(Exception):
    """A function in a VPC calls a service for which the VPC has no endpoint. On AWS the connection times out."""

    def __init__(self, service: str) -> None:
        super().__init__(f"Connect timeout: the function's VPC has no endpoint for {service}.")


current: ContextVar[Caller | None] = ContextVar("caller", default=None)
"""Who makes the calls of this thread for a state machine."""
records = Records()


def authorize(caller: Caller, action: str, resource: str, context: Mapping[str, Value] | None = None) -> None:
    """Raise ``Denied`` unless the policies allow the call, ``Unreachable`` if no endpoint leads to the service.

    ``context`` has the condition keys of this call, in lower case.
    """
    call, applying = prepared(caller, action, resource, context or {})
    decision = decide(call, applying)
    records.add(call, decision)
    if not decision.allowed:
        raise Denied(call, decision)


def allows(caller: Caller, action: str, resource: str) -> bool:
    """Whether the policies allow the call."""
    try:
        authorize(caller, action, resource)
    except Denied:
        return False
    return True


def prepared(
    caller: Caller, action: str, resource: str, context: Mapping[str, Value]
) -> tuple[Call, Policies]:
    """The call with its condition keys, and the policies that apply to it."""
    endpoint = _endpoint(caller, action.partition(":")[0])
    known = {**_global(caller, resource), **_network(endpoint), **caller.context, **context}
    applying = policies.of_call(
        caller.principal, action, resource, caller.session, endpoint.policy if endpoint else None
    )
    return Call(caller.principal, action, resource, known), applying


def role_session(role: str, session: str, **others: Any) -> Caller:
    """A caller with the role of this ARN."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    return Caller(Principal(f"arn:aws:sts::{account}:assumed-role/{name}/{session}"), **others)


def service(name: str, source: str) -> Caller:
    """A service of AWS, such as ``events.amazonaws.com``, that acts for a resource."""
    context = {"aws:sourcearn": source, "aws:sourceaccount": get_account_id()}
    return Caller(Principal(name), context=context)


def assume(role: str, by: str, source: str, session: str) -> Caller:
    """The session of a role that a service assumes for a resource. Raises ``Denied``."""
    authorize(service(by, source), "sts:AssumeRole", role)
    return role_session(role, session)


def _endpoint(caller: Caller, service: str) -> network.Endpoint | None:
    if not caller.subnets:
        return None
    found = network.endpoint(caller.subnets, service)
    if found is None:
        raise Unreachable(service)
    return found


def _network(endpoint: network.Endpoint | None) -> dict[str, Value]:
    if endpoint is None:
        return {"aws:sourceip": "127.0.0.1"}
    return {"aws:sourcevpce": endpoint.id, "aws:sourcevpc": endpoint.vpc, "aws:vpcsourceip": "10.0.0.1"}


def _global(caller: Caller, resource: str) -> dict[str, Value]:
    """The keys that AWS supplies for each call."""
    principal, now, parts = caller.principal, datetime.now(UTC), resource.split(":")
    found: dict[str, Value] = {
        "aws:currenttime": now.isoformat(),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:requestedregion": get_region(),
        "aws:resourceaccount": parts[4] if len(parts) > 5 and parts[4] else get_account_id(),
        **TRANSPORT,
        "aws:viaawsservice": "false",
        "aws:principalisawsservice": str(principal.is_service).lower(),
    }
    if principal.is_service:
        return found | {"aws:principalservicename": principal.arn}
    kind = "AssumedRole" if principal.role else "Account"
    return found | {
        "aws:principalarn": principal.identity,
        "aws:principalaccount": principal.account,
        "aws:principaltype": kind,
    }
