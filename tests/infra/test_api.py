"""The HTTP API: keys, quotas, routes and access log."""

from __future__ import annotations

import json
import re
from typing import Any

from dataforge.settings import IngestSettings, read
from infra.api.routes import ROUTES

Resources = dict[str, dict[str, dict[str, Any]]]

KEYLESS = {"/v1", "/v1/page/{proxy+}", "/v1/docs", "/v1/docs/{proxy+}", "/v1/openapi.json", "/v1/health"}


def paths(resources: Resources) -> dict[str, str]:
    """Resource id -> path."""
    parts = {key: r["Properties"] for key, r in resources["AWS::ApiGateway::Resource"].items()}

    def path(key: str) -> str:
        parent = parts[key]["ParentId"]
        return (path(parent["Ref"]) if "Ref" in parent else "") + "/" + str(parts[key]["PathPart"])

    return {key: path(key) for key in parts}


def methods(resources: Resources) -> dict[tuple[str, str], dict[str, Any]]:
    """(method, path) -> the method's properties."""
    known = paths(resources)
    found = [method["Properties"] for method in resources["AWS::ApiGateway::Method"].values()]
    return {(m["HttpMethod"], known[m["ResourceId"]["Ref"]]): m for m in found}


def stage(resources: Resources) -> dict[str, Any]:
    (found,) = resources["AWS::ApiGateway::Stage"].values()
    return dict(found["Properties"])


def plans(resources: Resources) -> dict[str, dict[str, Any]]:
    found = [plan["Properties"] for plan in resources["AWS::ApiGateway::UsagePlan"].values()]
    return {plan["UsagePlanName"].rpartition("-")[2]: plan for plan in found}


def test_every_route_except_pages_and_health_requires_a_key(dev: Resources) -> None:
    open_routes = {route for route, method in methods(dev).items() if not method["ApiKeyRequired"]}
    assert open_routes == {(method, path) for path in KEYLESS for method in ("GET", "HEAD")}


def test_every_other_method_and_path_reaches_a_function_with_a_key(dev: Resources) -> None:
    closed = {route for route, method in methods(dev).items() if method["ApiKeyRequired"]}
    assert closed == {("ANY", route.path) for route in ROUTES}
    assert {*KEYLESS, "/v1/{proxy+}"} <= {path for _, path in closed}


def test_requests_are_passed_unchanged_to_the_function_of_their_route(dev: Resources) -> None:
    functions = {route.path: route.function for route in ROUTES}
    for (_, path), method in methods(dev).items():
        assert method["AuthorizationType"] == "NONE"
        assert method["Integration"]["Type"] == "AWS_PROXY"
        assert invoked(dev, functions[path]) in method["Integration"]["Uri"]["Fn::Join"][1]


def invoked(resources: Resources, capability: str) -> dict[str, Any]:
    """The ARN of a capability's function that the API calls."""
    handler = f"functions.{capability}.handler.handler"
    (found,) = (
        key for key, f in resources["AWS::Lambda::Function"].items() if f["Properties"]["Handler"] == handler
    )
    return {"Fn::GetAtt": [found, "Arn"]}


def test_bodies_are_passed_as_bytes(dev: Resources) -> None:
    (api,) = dev["AWS::ApiGateway::RestApi"].values()
    assert api["Properties"]["BinaryMediaTypes"] == ["*/*"]


def test_only_this_api_may_invoke_its_functions(dev: Resources) -> None:
    permissions = [
        p["Properties"]
        for p in dev["AWS::Lambda::Permission"].values()
        if p["Properties"]["Principal"] == "apigateway.amazonaws.com"
    ]
    assert len(permissions) == len({route.function for route in ROUTES})
    (api,) = dev["AWS::ApiGateway::RestApi"]
    for permission in permissions:
        assert {"Ref": api} in permission["SourceArn"]["Fn::Join"][1]


def test_no_key_is_in_any_template(templates: dict[str, dict[str, Any]]) -> None:
    for template in templates.values():
        kinds = {resource["Type"] for resource in template["Resources"].values()}
        assert not kinds & {"AWS::ApiGateway::ApiKey", "AWS::ApiGateway::UsagePlanKey"}
        assert not re.search(r"(reader|writer|operator)\.[0-9A-Za-z]{20}", json.dumps(template))


def test_each_kind_of_key_has_a_plan_with_rate_burst_and_quota(dev: Resources) -> None:
    assert set(plans(dev)) == {"reader", "writer", "operator"}
    (api,) = dev["AWS::ApiGateway::RestApi"]
    for plan in plans(dev).values():
        assert plan["Throttle"] == {"RateLimit": 100, "BurstLimit": 200}
        assert plan["Quota"] == {"Limit": 1_000_000, "Period": "DAY"}
        assert [served["ApiId"] for served in plan["ApiStages"]] == [{"Ref": api}]


def test_plans_and_throttling_follow_the_context(synthesize: Any) -> None:
    template = synthesize(
        usagePlans='{"writer": {"rate": 5, "burst": 10, "dailyRequests": 500}}', apiRate=7, apiBurst=9
    )
    of_type: Resources = {}
    for key, resource in template["Resources"].items():
        of_type.setdefault(resource["Type"], {})[key] = resource
    assert plans(of_type)["writer"]["Throttle"] == {"RateLimit": 5, "BurstLimit": 10}
    assert plans(of_type)["writer"]["Quota"]["Limit"] == 500
    assert plans(of_type)["reader"]["Throttle"]["RateLimit"] == 100
    (limits,) = stage(of_type)["MethodSettings"]
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (7, 9)


def test_routes_without_a_key_are_throttled_too(dev: Resources) -> None:
    (limits,) = stage(dev)["MethodSettings"]
    assert (limits["HttpMethod"], limits["ResourcePath"]) == ("*", "/*")
    assert limits["ThrottlingRateLimit"] > 0


def test_access_log_has_caller_and_route_but_no_body_key_or_query(dev: Resources) -> None:
    (limits,) = stage(dev)["MethodSettings"]
    assert limits["DataTraceEnabled"] is False
    assert limits.get("LoggingLevel", "OFF") == "OFF"
    line = json.loads(stage(dev)["AccessLogSetting"]["Format"])
    assert line["key"] == "$context.identity.apiKeyId"
    assert {"$context.identity.apiKey", "$context.requestOverride"}.isdisjoint(line.values())
    assert {"$context.requestId", "$context.status", "$context.path"} <= set(line.values())


def test_api_has_no_cors_methods(dev: Resources) -> None:
    assert not [method for method, _ in methods(dev) if method == "OPTIONS"]


def test_logging_role_of_the_account_is_retained(dev: Resources) -> None:
    (account,) = dev["AWS::ApiGateway::Account"].values()
    assert account["DeletionPolicy"] == "Retain"


def test_logging_role_of_the_account_is_unchanged_with_the_setting(synthesize: Any) -> None:
    kinds = {resource["Type"] for resource in synthesize(apiLogRole="false")["Resources"].values()}
    assert "AWS::ApiGateway::Account" not in kinds


def test_alarm_counts_rejections_against_all_records(dev: Resources) -> None:
    (alarm,) = (a["Properties"] for key, a in dev["AWS::CloudWatch::Alarm"].items() if "ApiRejects" in key)
    expression, *metrics = sorted(alarm["Metrics"], key=lambda metric: "MetricStat" in metric)
    assert (
        expression["Expression"]
        == "IF(accepted + rejected >= 100, 100 * rejected / (accepted + rejected), 0)"
    )
    assert alarm["Threshold"] == 10
    for metric in metrics:
        assert metric["MetricStat"]["Metric"]["Namespace"] == "DataForge"
        assert metric["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "service", "Value": "ingest"}]


def test_function_may_only_log_in_with_its_role(dev: Resources, granted: Any) -> None:
    actions = granted(dev, "IngestRole")
    (login,) = (place for action, place in actions if action == "rds-db:connect")
    assert login.endswith("/dataforge_ingest")
    services = {action.partition(":")[0] for action, _ in actions}
    assert services == {"rds-db", "logs", "xray", "ec2", "s3"}
    in_report = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload")
    assert {(action, place) for action, place in actions if action.startswith("s3:")} == {
        ("s3:GetObjectVersion", "<StorageRaw.Arn>/*"),
        *((action, "<StorageReport.Arn>/rejections/*") for action in in_report),
    }


def test_function_has_the_time_out_of_the_gateway(dev: Resources, function: Any) -> None:
    properties = function(dev, "Ingest")
    assert properties["Timeout"] == 29
    variables = properties["Environment"]["Variables"]
    settings = read(IngestSettings, {k: v if isinstance(v, str) else "5432" for k, v in variables.items()})
    assert settings.db_user == "dataforge_ingest"
    assert settings.db_statement_seconds < 29
