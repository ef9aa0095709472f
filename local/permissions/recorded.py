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
    """Calls of S3, SQS and SNS that must be denied: without TLS, and of S3 with an old version of TLS."""
    found = {}
    for one in calls:
        service = one.call.action.partition(":")[0]
        if one.allowed and service in ("s3", "sqs", "sns"):
            changed = [_without(one.call.context, "s3:tlsversion") | {"aws:securetransport": "false"}]
            changed += [{**one.call.context, "s3:tlsversion": "1.1"}] if service == "s3" else []
            owner, _, key = one.call.resource.partition("/")
            for number, context in enumerate(changed):
                found[owner, bool(key), number] = Recorded(replace(one.call, context=context), allowed=False)
    return list(found.values())


def replacements(calls: list[Recorded], *endings: str) -> list[Recorded]:
    """The writes of objects with these endings that stated that none exists, without that statement: to be denied."""
    writes = [one for one in calls if one.allowed and "s3:if-none-match" in one.call.context]
    return [
        Recorded(replace(one.call, context=_without(one.call.context, "s3:if-none-match")), allowed=False)
        for one in writes
        if one.call.resource.endswith(endings)
    ]


def _without(context: Mapping[str, Value], key: str) -> dict[str, Value]:
    return {name: value for name, value in context.items() if name != key}


def _recorded(line: Mapping[str, Any]) -> Recorded:
    context = {key: _value(value) for key, value in line["context"].items()}
    call = Call(Principal(line["principal"]), line["action"], line["resource"], context)
    return Recorded(call, line["allowed"])


def _value(value: str | list[str]) -> Value:
    return value if isinstance(value, str) else tuple(value)
