"""Answering CloudFormation: a custom resource's request ends only when a response has been sent to its URL."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from dataforge.errors import DataForgeError

_REASON_LIMIT = 3_000
"""The whole answer must stay below 4 KiB."""


_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 15.0)
"""Seconds between calls that IAM denies: CloudFormation does not wait until a policy that it wrote is in force."""


def answer(
    event: dict[str, Any],
    physical_id: str,
    work: Callable[[], Mapping[str, str]],
    pauses: Iterable[float] = _PAUSES,
) -> None:
    """Do the work and report its result to CloudFormation; what it returns are the resource's attributes.

    Our own errors become the reason that the deployment shows; an unexpected one is reported without its text, and raised.
    Work that IAM denies is done again after each of the ``pauses``, in seconds.
    """
    try:
        attributes = _once_allowed(work, pauses)
    except DataForgeError as error:
        _report(event, physical_id, {"Status": "FAILED", "Reason": str(error)[:_REASON_LIMIT]})
    except BaseException:
        reason = f"The function of {event['LogicalResourceId']} failed unexpectedly; its log says why."
        _report(event, physical_id, {"Status": "FAILED", "Reason": reason})
        raise
    else:
        _report(event, physical_id, {"Status": "SUCCESS", "Data": dict(attributes)})


def _once_allowed(work: Callable[[], Mapping[str, str]], pauses: Iterable[float]) -> Mapping[str, str]:
    for pause in pauses:
        try:
            return work()
        except ClientError as error:
            if error.response["Error"]["Code"] not in _DENIED:
                raise
        time.sleep(pause)
    return work()


def _report(event: dict[str, Any], physical_id: str, result: Mapping[str, Any]) -> None:
    body = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body |= {"PhysicalResourceId": physical_id, **result}
    url, data = event["ResponseURL"], json.dumps(body).encode()
    # CloudFormation itself presigned the URL, and with no content type.
    request = urllib.request.Request(url, data=data, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
