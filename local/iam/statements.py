"""Which statements of a policy apply to a call."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local.iam.calls import Call, Document, Principal
from local.iam.conditions import conditions_hold
from local.iam.wildcards import matches, resolve, resource_matches

Statement = Mapping[str, Any]


def statements(document: Document) -> list[Statement]:
    """The statements; a policy with one statement need not have a list."""
    found = document["Statement"]
    return [found] if isinstance(found, Mapping) else list(found)


def applying(document: Document, effect: str, call: Call) -> Iterator[Statement]:
    """The statements of an effect whose action, resource and conditions match. Principals are not compared."""
    for statement in statements(document):
        if (
            statement["Effect"] == effect
            and _action_matches(statement, call.action)
            and _resource_matches(statement, call)
            and conditions_hold(statement.get("Condition", {}), call.context)
        ):
            yield statement


def _action_matches(statement: Statement, action: str) -> bool:
    if "NotAction" in statement:
        return not any(matches(text, action, ignore_case=True) for text in listed(statement["NotAction"]))
    return any(matches(text, action, ignore_case=True) for text in listed(statement["Action"]))


def _resource_matches(statement: Statement, call: Call) -> bool:
    if "NotResource" in statement:
        excepted = statement["NotResource"]
        # With a variable that has no value, the statement does not apply.
        resolved = all(resolve(text, call.context) is not None for text in listed(excepted))
        return resolved and not _any_resource(excepted, call)
    # The trust policy of a role has none: it applies to the role.
    return "Resource" not in statement or _any_resource(statement["Resource"], call)


def _any_resource(patterns: str | list[str], call: Call) -> bool:
    return any(resource_matches(text, call.resource, call.context) for text in listed(patterns))


def names(statement: Statement, principal: Principal) -> bool:
    """Whether a statement of a resource's policy is about the principal, its account, or all principals."""
    if "NotPrincipal" in statement:
        return not _excepted(statement["NotPrincipal"], principal)
    return _named(statement["Principal"], principal)


def _named(element: str | Mapping[str, Any], principal: Principal) -> bool:
    given = {"AWS": element} if isinstance(element, str) else element
    if principal.is_service:
        return principal.arn in listed(given.get("Service", [])) or element == "*"
    own = {"*", principal.arn, principal.identity, *account_names(principal)}
    return not own.isdisjoint(listed(given.get("AWS", [])))


def _excepted(element: str | Mapping[str, Any], principal: Principal) -> bool:
    """Whether the statement excepts the principal, which it must name with its role and its account."""
    given = {"AWS": element} if isinstance(element, str) else element
    if principal.is_service:
        return principal.arn in listed(given.get("Service", []))
    found = set(listed(given.get("AWS", [])))
    accounts = found.intersection(account_names(principal))
    return "*" in found or bool(accounts and {principal.arn, principal.identity} <= found)


def names_only_account(statement: Statement, principal: Principal) -> bool:
    """Whether a statement names the account alone, which leaves the decision to the account's identity policies."""
    element = statement.get("Principal", {})
    given = listed(element.get("AWS", [])) if isinstance(element, Mapping) else [element]
    return not {"*", principal.arn, principal.identity} & set(given)


def names_session(statement: Statement, principal: Principal) -> bool:
    """Whether a statement names this session of a role, itself or with all principals, and not only the role."""
    element = statement.get("Principal", {})
    given = {"AWS": element} if isinstance(element, str) else element
    return not {"*", principal.arn}.isdisjoint(listed(given.get("AWS", [])))


def account_names(principal: Principal) -> Iterable[str]:
    """The two forms in which a policy names a whole account."""
    return principal.account, f"arn:{principal.arn.split(':')[1]}:iam::{principal.account}:root"


def listed(element: str | list[str]) -> list[str]:
    """An element that is one text, or a list of texts."""
    return [element] if isinstance(element, str) else element
