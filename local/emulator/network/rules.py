"""Evaluate rules of security groups, in the form in which EC2 describes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """One end of a connection: its security groups, and the CIDR blocks of its subnets."""

    groups: frozenset[str]
    blocks: frozenset[str]


def allowed(egress: Iterable[Rule], ingress: Iterable[Rule], source: Side, target: Side, port: int) -> bool:
    """Whether rules of the source let a TCP connection out to the port, and rules of the target let it in."""
    return any(_names(rule, target, port) for rule in egress) and any(
        _names(rule, source, port) for rule in ingress
    )


def _names(rule: Rule, peer: Side, port: int) -> bool:
    """Whether the rule is for the port, and for a group of the peer or for all of its addresses."""
    groups = {pair.get("GroupId") for pair in rule.get("UserIdGroupPairs", ())}
    blocks = [one["CidrIp"] for one in rule.get("IpRanges", ())]
    return _covers_port(rule, port) and (bool(groups & peer.groups) or _contains_all(blocks, peer.blocks))


def _covers_port(rule: Rule, port: int) -> bool:
    protocol = str(rule["IpProtocol"])
    if protocol == "-1":
        return True
    return protocol in ("tcp", "6") and rule["FromPort"] <= port <= rule["ToPort"]


def _contains_all(blocks: Iterable[str], parts: Iterable[str]) -> bool:
    networks = [ip_network(block) for block in blocks]
    found = [any(ip_network(part).subnet_of(network) for network in networks) for part in parts]  # type: ignore[arg-type]
    return bool(found) and all(found)
