"""The deployed policies that apply to a call, as the emulator stores them."""

import json
from functools import lru_cache
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam, kms

from local.emulator.anchors import require
from local.iam.calls import Document, Policies, Principal

RESOURCE_POLICIES = {"execute-api": "apigateway"}
"""The emulator's name of the service whose resources have policies, where it is not that in the ARN."""
MUST_ALLOW = ("kms", "sts")
"""Services whose resources' policies must allow: key policies, and the trust policies of roles."""


def check() -> None:
    """Raise ``AnchorGone`` if the emulator stores its policies elsewhere."""
    require("iam.policies", iam_evaluator, "_resource_policy", "_resolve_managed_policy_document")
    require("iam.policies", iam, "_roles")
    require("iam.policies", kms, "_resolve_key")


def of_call(
    principal: Principal, action: str, resource: str, session: Document | None, endpoint: Document | None
) -> Policies:
    """All policies that apply."""
    service = action.partition(":")[0]
    role = _role(principal.role)
    return Policies(
        identity=_identity(role),
        boundary=_managed(role["PermissionsBoundary"]) if role and role.get("PermissionsBoundary") else None,
        session=session,
        resource=of_resource(service, resource),
        endpoint=endpoint,
        resource_must_allow=service in MUST_ALLOW and resource != "*",
    )


def of_resource(service: str, resource: str) -> Document | None:
    """The policy of a resource, for a role its trust policy; None if it has none."""
    if service == "sts":
        role = _role(resource.rpartition("/")[2])
        return document(role["AssumeRolePolicyDocument"]) if role else None
    found = iam_evaluator._resource_policy(RESOURCE_POLICIES.get(service, service), resource)
    return document(found[0]) if found and found[0] else None


def document(stored: str | dict[str, Any]) -> Document:
    """A policy that is stored as JSON or as its content."""
    return _parsed(stored) if isinstance(stored, str) else stored


def _role(name: str) -> dict[str, Any] | None:
    role: dict[str, Any] | None = iam._roles.get_scoped(get_account_id(), None, name) if name else None
    return role


def _identity(role: dict[str, Any] | None) -> tuple[Document, ...]:
    if role is None:
        return ()
    inline = [document(found) for found in (role.get("InlinePolicies") or {}).values()]
    attached = [_managed(arn) for arn in role.get("AttachedPolicies", [])]
    return tuple(inline + attached)


def _managed(arn: str) -> Document:
    found = iam_evaluator._resolve_managed_policy_document(arn, get_account_id())
    # A policy of AWS that the emulator does not have allows nothing.
    return document(found) if found else {"Statement": []}


@lru_cache(maxsize=1000)
def _parsed(text: str) -> Document:
    parsed: Document = json.loads(text)
    return parsed
