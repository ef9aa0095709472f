"""The calls that a temporary cloud has recorded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local.iam.calls import Call, Principal, Value


@dataclass(frozen=True)
class Recorded:
    """A call and whether it was allowed."""

    call: Call
    allowed: bool


def read_calls(file: Path) -> list[Recorded]:
    """The calls in a file of JSON lines."""
    return [_recorded(json.loads(line)) for line in file.read_text().splitlines()]


def attacks(calls: list[Recorded]) -> list[Recorded]:
    """Calls that must be denied: those to S3 without TLS, which have no version, and with an old version of TLS."""
    found = {}
    for one in calls:
        if one.allowed and one.call.action.startswith("s3:"):
            plain = {key: value for key, value in one.call.context.items() if key != "s3:tlsversion"}
            contexts = plain | {"aws:securetransport": "false"}, {**one.call.context, "s3:tlsversion": "1.1"}
            bucket, _, key = one.call.resource.partition("/")
            for number, context in enumerate(contexts):
                call = replace(one.call, context=context)
                found[bucket, bool(key), number] = Recorded(call, allowed=False)
    return list(found.values())


def _recorded(line: Mapping[str, Any]) -> Recorded:
    context = {key: _value(value) for key, value in line["context"].items()}
    call = Call(Principal(line["principal"]), line["action"], line["resource"], context)
    return Recorded(call, line["allowed"])


def _value(value: str | list[str]) -> Value:
    return value if isinstance(value, str) else tuple(value)
