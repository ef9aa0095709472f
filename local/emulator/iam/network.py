"""The VPC endpoint through which a function in a VPC reaches a service of AWS."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ministack.services import ec2

from local.emulator.anchors import require
from local.emulator.iam import policies
from local.iam.calls import Document


@dataclass(frozen=True)
class Endpoint:
    """An endpoint; without a policy it allows everything."""

    id: str
    vpc: str
    policy: Document | None


def check() -> None:
    """Raise ``AnchorGone`` if the emulator stores networks elsewhere."""
    require("iam.network", ec2, "_vpc_endpoints", "_subnets", "_route_tables")


def endpoint(subnets: Sequence[str], service: str) -> Endpoint | None:
    """The endpoint for a service, such as ``s3``, in the VPC of the subnets, or None."""
    vpc = ec2._subnets[subnets[0]]["VpcId"]
    tables = set(_route_tables(subnets))
    for found in ec2._vpc_endpoints.values():
        leads = found["VpcId"] == vpc and found["ServiceName"].rpartition(".")[2] == service
        # A gateway serves the subnets whose route tables have a route to it, an interface the whole VPC.
        if leads and (found["VpcEndpointType"] != "Gateway" or tables <= set(found["RouteTableIds"])):
            return Endpoint(found["VpcEndpointId"], vpc, _policy(found))
    return None


def _route_tables(subnets: Sequence[str]) -> Iterator[str]:
    for table in ec2._route_tables.values():
        if any(one.get("SubnetId") in subnets for one in table["Associations"]):
            yield table["RouteTableId"]


def _policy(found: Mapping[str, Any]) -> Document | None:
    stored = found.get("PolicyDocument")
    return policies.document(stored) if stored else None
