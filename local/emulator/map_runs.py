"""Start no further item of a Distributed Map after one failed, and let items store their error in S3, as on AWS.

The emulator processes the whole list before the map fails, and has no integration for S3's PutObject.
"""

import json
from typing import Any
from urllib.parse import quote

from ministack import app
from ministack.services import stepfunctions

from local.emulator.anchors import require


def apply() -> None:
    """Running items finish; on AWS they are aborted."""
    require("map_runs", stepfunctions, "_run_sub_machine", "_map_runs", "_ExecutionError")
    require("map_runs", stepfunctions, "_dispatch_aws_sdk_rest_xml", "REGION")
    require("map_runs", app, "SERVICE_HANDLERS", "call_service_handler_sync")
    run, dispatch = stepfunctions._run_sub_machine, stepfunctions._dispatch_aws_sdk_rest_xml

    def run_unless_failed(states: Any, start: str, given: Any, execution: Any, context: Any) -> Any:
        if _has_failed(execution):
            raise stepfunctions._ExecutionError("States.Aborted", "Another item of the map run has failed.")
        return run(states, start, given, execution, context)

    def dispatch_or_put(service: Any, name: str, action: str, parameters: dict[str, Any]) -> Any:
        if (name, action) == ("s3", "putObject"):
            return _put_object(parameters)
        return dispatch(service, name, action, parameters)

    stepfunctions._run_sub_machine = run_unless_failed
    stepfunctions._dispatch_aws_sdk_rest_xml = dispatch_or_put


def _has_failed(execution: dict[str, Any]) -> bool:
    """Whether an item of the execution's map run has failed. No map of this app tolerates a failed item."""
    arn = execution.get("mapRunArn")
    return bool(arn and stepfunctions._map_runs[arn]["itemCounts"]["failed"])


def _put_object(parameters: dict[str, Any]) -> dict[str, Any]:
    """Store ``Body``, which is an object and becomes JSON."""
    region = stepfunctions.REGION
    headers = {
        "host": f"s3.{region}.amazonaws.com",
        "authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{region}/s3/aws4_request",
        "content-type": "application/json",
    }
    path = f"/{parameters['Bucket']}/{quote(parameters['Key'])}"
    body = json.dumps(parameters["Body"]).encode()
    handler = app.SERVICE_HANDLERS["s3"]
    status, _, answer = app.call_service_handler_sync(handler, "PUT", path, headers, body, {})
    if status >= 400:
        raise stepfunctions._ExecutionError("S3.S3Exception", str(answer))
    return {}
