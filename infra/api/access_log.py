"""The line format of the access log: caller, route, result and duration, without body, key or query."""

from __future__ import annotations

import json

from aws_cdk import aws_apigateway as apigateway

Field = apigateway.AccessLogField


def access_log_format() -> apigateway.AccessLogFormat:
    """One JSON object per request.

    ``key`` is the key's id in API Gateway, not its value. Query strings are omitted, because filters contain data.
    """
    line = {
        "time": Field.context_request_time_epoch(),
        "request_id": Field.context_request_id(),
        "trace": Field.context_xray_trace_id(),
        "method": Field.context_http_method(),
        "path": Field.context_path(),
        "status": Field.context_status(),
        "refusal": Field.context_error_response_type(),
        "length": Field.context_response_length(),
        "milliseconds": Field.context_response_latency(),
        "function_milliseconds": Field.context_integration_latency(),
        "function_status": Field.context_integration_status(),
        "key": Field.context_identity_api_key_id(),
        "ip": Field.context_identity_source_ip(),
        "agent": Field.context_identity_user_agent(),
    }
    return apigateway.AccessLogFormat.custom(json.dumps(line))
