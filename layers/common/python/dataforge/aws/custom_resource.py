"""Answer requests of CloudFormation for custom resources, which end when a response is sent to their URL."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from dataforge.errors import DataForgeError

_REASON_LIMIT = 3_000
"""Characters. CloudFormation accepts answers of up to 4 KiB."""


_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 15.0)
"""Seconds between attempts that IAM denies: CloudFormation does not wait until a new policy takes effect."""


def answer(
    event: dict[str, Any],
    physical_id: str,
    work: Callable[[], Mapping[str, str]],
    pauses: Iterable[float] = _PAUSES,
) -> None:
    """Do the work and report its result, the attributes of the resource, to CloudFormation.

    The text of a ``DataForgeError`` is the reason that the deployment shows. Another error is reported without its text and
    raised. Work that IAM denies is repeated after each of the ``pauses`` (seconds).
    """
    try:
        attributes = _once_allowed(work, pauses)
    except DataForgeError as error:
        _report(event, physical_id, {"Status": "FAILED", "Reason": str(error)[:_REASON_LIMIT]})
    except BaseException:
        reason = f"The function of {event['LogicalResourceId']} failed unexpectedly. Hint: Read its log."
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
