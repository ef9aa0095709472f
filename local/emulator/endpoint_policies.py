"""Return the policy of a VPC endpoint in its description, as EC2 does."""

import json
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2

from local.emulator.anchors import require


def apply() -> None:
    """The emulator stores the policy, and leaves it out."""
    require("endpoint_policies", ec2, "_vpce_fields_xml")
    original = ec2._vpce_fields_xml

    def with_policy(endpoint: dict[str, Any], tag: str = "item") -> str:
        described: str = original(endpoint, tag=tag)
        policy = endpoint.get("PolicyDocument")
        if not policy:
            return described
        text = policy if isinstance(policy, str) else json.dumps(policy)
        end = described.rindex(f"</{tag}>")
        return f"{described[:end]}<policyDocument>{escape(text)}</policyDocument>{described[end:]}"

    ec2._vpce_fields_xml = with_policy
