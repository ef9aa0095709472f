"""The HTTP API: one REST API with keys, usage plans per kind of key, and an access log."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import RemovalPolicy, Size, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.api.access_log import access_log_format
from infra.api.gateway_responses import add_problem_responses
from infra.api.routes import ROUTES
from infra.foundation.acknowledge import acknowledge
from infra.foundation.log_groups import log_group
from infra.settings import Settings

STAGE = "live"


class Api(Construct):
    """The REST API; ``functions`` by the names in the routes.

    ``dataforge keys create`` creates keys, so the template contains no key material. The gateway
    checks a key's value, which begins with its kind. The functions check that the route admits the kind.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        functions: Mapping[str, lambda_.Function],
    ) -> None:
        super().__init__(scope, id)
        self.rest = self._make_rest(settings)
        self._add_routes(functions)
        add_problem_responses(self.rest)
        self.plans = {
            "reader": self._add_plan("Reader", settings),
            "writer": self._add_plan("Writer", settings),
            "operator": self._add_plan("Operator", settings),
        }

    @property
    def url(self) -> str:
        """The base URL, to which ``/v1/…`` is appended."""
        stack = Stack.of(self)
        return f"https://{self.rest.rest_api_id}.execute-api.{stack.region}.{stack.url_suffix}/{STAGE}"

    def _make_rest(self, settings: Settings) -> apigateway.RestApi:
        rest = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=settings.stack_name,
            description=f"{settings.stack_name}: records in and out, backups and restores",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Bodies then arrive unchanged. As text they would lose invalid UTF-8, and 4 MB of quotes, escaped,
            # would exceed the limit of 6 MB for a function's event.
            binary_media_types=["*/*"],
            min_compression_size=Size.kibibytes(4),
            cloud_watch_role=settings.api_log_role,
            # The account has one such role for all APIs. Other APIs must not lose it when this stack is deleted.
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN if settings.api_log_role else None,
            deploy_options=self._stage_options(settings),
        )
        # CDK's own output duplicates ApiUrl under a generated name.
        rest.node.try_remove_child("Endpoint")
        _acknowledge(rest, settings)
        return rest

    def _stage_options(self, settings: Settings) -> apigateway.StageOptions:
        return apigateway.StageOptions(
            stage_name=STAGE,
            access_log_destination=apigateway.LogGroupLogDestination(log_group(self, "Log", settings)),
            access_log_format=access_log_format(),
            tracing_enabled=True,
            data_trace_enabled=False,
            throttling_rate_limit=settings.api_rate,
            throttling_burst_limit=settings.api_burst,
        )

    def _add_routes(self, functions: Mapping[str, lambda_.Function]) -> None:
        integrations = {
            # One permission for the function instead of one per method, which could exceed the size of its policy.
            name: apigateway.LambdaIntegration(function, scope_permission_to_method=False)
            for name, function in functions.items()
        }
        for route in ROUTES:
            resource, integration = self.rest.root.resource_for_path(route.path), integrations[route.function]
            resource.add_method("ANY", integration, api_key_required=True)
            for method in ("GET", "HEAD") if route.keyless else ():
                resource.add_method(method, integration, api_key_required=False)

    def _add_plan(self, kind: str, settings: Settings) -> apigateway.UsagePlan:
        limits = getattr(settings.usage_plans, kind.lower())
        return self.rest.add_usage_plan(
            f"{kind}Plan",
            name=f"{settings.stack_name}-{kind.lower()}",
            description=f"Limits of each {kind.lower()} key",
            api_stages=[apigateway.UsagePlanPerApiStage(api=self.rest, stage=self.rest.deployment_stage)],
            throttle=apigateway.ThrottleSettings(rate_limit=limits.rate, burst_limit=limits.burst),
            quota=apigateway.QuotaSettings(limit=limits.daily_requests, period=apigateway.Period.DAY),
        )


def _acknowledge(rest: apigateway.RestApi, settings: Settings) -> None:
    acknowledge(
        rest,
        "The function validates each record against the row models and reports all errors. A request model of the gateway "
        "would refuse the batch with one message. The function also checks the envelope.",
        "APIG2",
    )
    acknowledge(
        rest,
        "Callers are programs with keys, limited in rate, burst and daily requests. A firewall costs a fixed sum each "
        "month, and inspects at most 64 KB of a body of 4 MB. docs/api.md describes how to add one.",
        "APIG3",
    )
    acknowledge(
        rest,
        "The gateway checks keys, and the functions check the kind of key. The routes without keys return "
        "documentation and the health of the service. Cognito is for users; callers here are programs.",
        "APIG4",
        "COG4",
    )
    acknowledge(
        rest,
        "Execution logs would contain headers, including keys, in a log group without a retention period. The "
        "access log has a line for every request, with refusals of the gateway and their reasons.",
        "APIG6",
    )
    if settings.api_log_role:
        acknowledge(
            rest,
            "AWS's policy for this purpose, on a role that only API Gateway can assume.",
            "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        )
