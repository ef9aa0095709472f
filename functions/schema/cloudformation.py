"""Answering CloudFormation: a custom resource's request ends only when its URL has been told how it went."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from dataforge.errors import DataForgeError

PHYSICAL_ID = "dataforge-schema"
_REASON_LIMIT = 3_000
"""The whole answer must stay below 4 KiB."""


def answer(event: dict[str, Any], work: Callable[[], object]) -> None:
    """Do the work, unless the resource is being deleted (data is never dropped), and report its end to CloudFormation.

    Our own errors become the reason that the deployment shows; an unexpected one is reported without its text, and raised.
    """
    try:
        if event["RequestType"] != "Delete":
            work()
    except DataForgeError as error:
        _report(event, "FAILED", str(error)[:_REASON_LIMIT])
    except BaseException:
        _report(event, "FAILED", "The schema function failed unexpectedly; its log says why.")
        raise
    else:
        _report(event, "SUCCESS", "")


def _report(event: dict[str, Any], status: str, reason: str) -> None:
    body = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body |= {"Status": status, "Reason": reason, "PhysicalResourceId": PHYSICAL_ID}
    url, data = event["ResponseURL"], json.dumps(body).encode()
    # CloudFormation itself presigned the URL, and with no content type.
    request = urllib.request.Request(url, data=data, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
