"""The decision on a call, in the order of AWS for one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterator

from local.iam.calls import Call, Decision, Document, Kind, Policies
from local.iam.statements import Statement, applying, names, names_only_account, names_session

ALLOWED = Decision(allowed=True)


def decide(call: Call, policies: Policies) -> Decision:
    """Whether the policies allow the call.

    An explicit deny of any policy decides. A VPC endpoint's policy must allow. Then the resource's policy or an identity's
    must allow, the latter within the boundary and the session's policy.
    """
    if denied := _explicit_deny(call, policies):
        return denied
    if policies.endpoint and not _allows(policies.endpoint, call, of_resource=True):
        return Decision(allowed=False, kind="VPC endpoint policy")
    granting = _granting(policies.resource, call)
    if call.principal.is_service:
        return ALLOWED if granting else Decision(allowed=False, kind="resource-based policy")
    if call.principal.is_root and not policies.resource_must_allow:
        return ALLOWED
    if policies.resource_must_allow and not granting:
        return Decision(allowed=False, kind="resource-based policy")
    return _of_identity(call, policies, granting)


def _of_identity(call: Call, policies: Policies, granting: list[Statement]) -> Decision:
    """The decision of a role's policies and of the statements of the resource's policy that name the role."""
    if call.principal.is_root or any(names_session(statement, call.principal) for statement in granting):
        return ALLOWED
    by_resource = any(not names_only_account(statement, call.principal) for statement in granting)
    if not by_resource and not any(_allows(document, call) for document in policies.identity):
        return Decision(allowed=False, kind="identity-based policy")
    if policies.boundary and not _allows(policies.boundary, call):
        return Decision(allowed=False, kind="permissions boundary")
    if policies.session and not _allows(policies.session, call):
        return Decision(allowed=False, kind="session policy")
    return ALLOWED


def _explicit_deny(call: Call, policies: Policies) -> Decision | None:
    for kind, document in _kinds(policies):
        of_resource = kind in ("resource-based policy", "VPC endpoint policy")
        # Identity policies do not apply to root.
        if call.principal.is_root and not of_resource:
            continue
        for statement in applying(document, "Deny", call):
            if not of_resource or names(statement, call.principal):
                return Decision(allowed=False, kind=kind, explicit=True)
    return None


def _kinds(policies: Policies) -> Iterator[tuple[Kind, Document]]:
    for document in policies.identity:
        yield "identity-based policy", document
    others: tuple[tuple[Kind, Document | None], ...] = (
        ("permissions boundary", policies.boundary),
        ("session policy", policies.session),
        ("resource-based policy", policies.resource),
        ("VPC endpoint policy", policies.endpoint),
    )
    yield from ((kind, document) for kind, document in others if document)


def _granting(document: Document | None, call: Call) -> list[Statement]:
    """The statements of the resource's policy that allow the call to the principal or its account."""
    found = applying(document, "Allow", call) if document else ()
    return [statement for statement in found if names(statement, call.principal)]


def _allows(document: Document, call: Call, *, of_resource: bool = False) -> bool:
    found = applying(document, "Allow", call)
    return any(not of_resource or names(statement, call.principal) for statement in found)
