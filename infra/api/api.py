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
    """What callers reach over HTTPS; ``functions`` are what the routes name.

    A key is made for a plan by ``dataforge keys create``, never by the template: no key material is in it. The gateway
    vouches for a key's whole value, whose first word is its kind; the functions hold the kind against the route.
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
        """The address to which ``/v1/…`` is appended."""
        stack = Stack.of(self)
        return f"https://{self.rest.rest_api_id}.execute-api.{stack.region}.{stack.url_suffix}/{STAGE}"

    def _make_rest(self, settings: Settings) -> apigateway.RestApi:
        rest = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=settings.stack_name,
            description=f"{settings.stack_name}: records in and out, backups and restores",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Bodies then arrive byte by byte. As text they would have lost what is no UTF-8, and 4 MB of quotes, escaped,
            # would be more than the 6 MB that a function is given.
            binary_media_types=["*/*"],
            min_compression_size=Size.kibibytes(4),
            cloud_watch_role=settings.api_log_role,
            # The account has one such role for all its APIs: those of others must not lose it with this stack.
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN if settings.api_log_role else None,
            deploy_options=self._stage_options(settings),
        )
        # CDK's own output, which says what ApiUrl says under a name that nobody could rely on.
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
            # One permission for the function, instead of one for each method, of which its policy could not hold many.
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
        "A batch is validated record by record, against the row models, and told in full; a request model of the gateway "
        "would refuse it whole, with one sentence. What the envelope may be, the function checks.",
        "APIG2",
    )
    acknowledge(
        rest,
        "Callers are programs with keys, limited in rate, burst and requests a day. A firewall costs a fixed sum each "
        "month, and would look at no more than 64 KB of a body of 4 MB; docs/api.md says how to add one.",
        "APIG3",
    )
    acknowledge(
        rest,
        "Keys, which the gateway checks and the functions hold against the route. The routes without one give out "
        "documentation and whether the service is alive. Cognito signs in people; callers here are programs.",
        "APIG4",
        "COG4",
    )
    acknowledge(
        rest,
        "Execution logs would hold headers, keys among them, in a log group that CloudFormation cannot give an end. The "
        "access log has a line for every request, with what the gateway refused and why.",
        "APIG6",
    )
    if settings.api_log_role:
        acknowledge(
            rest,
            "AWS's own policy for this purpose, on a role that only API Gateway can take.",
            "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        )
