"""A call that a principal makes, the policies that apply to it, and the decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Document: TypeAlias = Mapping[str, Any]
"""A policy as in JSON: ``{"Version": …, "Statement": […]}``."""

Value: TypeAlias = str | tuple[str, ...]
"""A condition key's value; of a key with several values, a tuple."""

Kind: TypeAlias = Literal[
    "identity-based policy",
    "permissions boundary",
    "session policy",
    "resource-based policy",
    "VPC endpoint policy",
]
"""A type of policy, as AWS names it in the message of a denial."""


@dataclass(frozen=True)
class Principal:
    """Who calls: a session of a role, the account's root, or a service of AWS."""

    arn: str
    """For example ``arn:aws:sts::000000000000:assumed-role/Reader/session``; of a service ``lambda.amazonaws.com``."""

    @property
    def account(self) -> str:
        """The account's number; "" for a service."""
        return "" if self.is_service else self.arn.split(":")[4]

    @property
    def is_service(self) -> bool:
        return not self.arn.startswith("arn:")

    @property
    def is_root(self) -> bool:
        return self.arn.endswith(":root")

    @property
    def role(self) -> str:
        """The name of the role of a session; "" for others."""
        kind, _, rest = self.arn.rpartition(":")[2].partition("/")
        return rest.split("/")[0] if kind == "assumed-role" else ""

    @property
    def identity(self) -> str:
        """The ARN that ``aws:PrincipalArn`` has: of a session, its role's."""
        if not self.role:
            return self.arn
        partition = self.arn.split(":")[1]
        return f"arn:{partition}:iam::{self.account}:role/{self.role}"


@dataclass(frozen=True)
class Call:
    """One action on one resource. The keys of ``context`` are in lower case."""

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """The policies that apply to a call. None: there is no policy of this type."""

    identity: tuple[Document, ...] = ()
    boundary: Document | None = None
    session: Document | None = None
    resource: Document | None = None
    endpoint: Document | None = None
    resource_must_allow: bool = False
    """Whether the resource's policy must allow as well, even within the account: keys of KMS, trust policies of roles."""


@dataclass(frozen=True)
class Decision:
    """Whether a call is allowed. Of a denial, the type of policy that decided, and whether a statement denies explicitly."""

    allowed: bool
    kind: Kind | None = None
    explicit: bool = False


def message(call: Call, decision: Decision) -> str:
    """The message with which AWS denies a call."""
    reason = (
        f"with an explicit deny in {_article(decision.kind)}"
        if decision.explicit
        else f"because no {decision.kind} allows the {call.action} action"
    )
    resource = f'"{call.resource}"' if call.action.startswith("s3:") else call.resource
    who = "Service" if call.principal.is_service else "User"
    return f"{who}: {call.principal.arn} is not authorized to perform: {call.action} on resource: {resource} {reason}"


def _article(kind: str | None) -> str:
    return f"an {kind}" if kind == "identity-based policy" else f"a {kind}"
