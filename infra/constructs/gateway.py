"""The REST gateway: everything about it that is not a route."""

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.web_acl import api_web_acl
from infra.findings import acknowledge
from infra.models import model_name, model_schema
from infra.stages import BASE_PATH, Stage
from lambdas.contract.gateway_problems import (
    CONTENT_TYPE,
    GATEWAY_PROBLEMS,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    Problem,
)
from lambdas.contract.headers import (
    EXPOSED_HEADERS,
    MIN_COMPRESSED_BYTES,
    PREFLIGHT_SECONDS,
    SECURITY_HEADERS,
    allowed_headers,
    allowed_methods,
)
from lambdas.contract.route import Route, Throttle

# No token, address, query or value of a path: an id in a path identifies the caller.
ACCESS_LOG_FORMAT = {
    "requestId": "$context.requestId",
    "traceId": "$context.xrayTraceId",
    "time": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "integrationStatus": "$context.integrationStatus",
    "integrationLatency": "$context.integrationLatency",
    "latency": "$context.responseLatency",
    "bytes": "$context.responseLength",
}

# A mock takes a body only of a type it has a template for; a request without one counts as JSON.
_FALLBACK_BODY_TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
)

# For what is no route: preflights and fallbacks.
_OTHERS = Throttle(rate=50, burst=100)


class Gateway(apigateway.RestApi):
    """A regional REST API over TLS 1.2 or newer that logs, traces, throttles and answers CORS.

    Its own errors are problem documents. `add_fallbacks` comes after the last route.
    """

    address: str
    """Base address, without a slash at its end."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        routes: Sequence[Route],
    ) -> None:
        """Take the routes for their throttles and headers; adding them is the caller's part."""
        access_log = logs.LogGroup(
            scope,
            f"{construct_id}AccessLog",
            log_group_name=f"/aws/apigateway/{stage.prefix}",
            retention=stage.log_retention,
            removal_policy=stage.removal_policy,
        )
        super().__init__(
            scope,
            construct_id,
            rest_api_name=stage.prefix,
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            min_compression_size=cdk.Size.bytes(MIN_COMPRESSED_BYTES),
            # Without the account's role the gateway refuses to log. It outlives the stage, as it
            # serves every API of the region.
            cloud_watch_role=True,
            # An address of one's own is then the only one.
            disable_execute_api_endpoint=stage.domain_name is not None,
            deploy_options=apigateway.StageOptions(
                stage_name=BASE_PATH,
                access_log_destination=apigateway.LogGroupLogDestination(access_log),
                access_log_format=apigateway.AccessLogFormat.custom(
                    json.dumps(ACCESS_LOG_FORMAT, separators=(",", ":"))
                ),
                tracing_enabled=True,
                method_options={
                    "/*/*": _method_settings(_OTHERS, stage.throttle_scale),
                    **{
                        f"{route.path}/{route.method}": _method_settings(
                            route.throttle, stage.throttle_scale
                        )
                        for route in routes
                    },
                },
            ),
            default_cors_preflight_options=apigateway.CorsOptions(
                allow_origins=[stage.cors_origin],
                allow_methods=allowed_methods(routes),
                allow_headers=allowed_headers(routes),
                expose_headers=list(EXPOSED_HEADERS),
                max_age=cdk.Duration.seconds(PREFLIGHT_SECONDS),
            ),
        )
        # It repeats the stack's own output.
        self.node.try_remove_child("Endpoint")
        self._cors_origin = stage.cors_origin
        self._models: dict[str, apigateway.IModel] = {}
        self._require_tls_1_2()
        self._keep_execution_log(stage)
        for response_type, problem in GATEWAY_PROBLEMS.items():
            self._add_gateway_problem(response_type, problem)
        self.address = self.url.removesuffix("/")
        if stage.domain_name and stage.certificate_arn:
            self._serve_at(stage.domain_name, stage.certificate_arn)
        if stage.waf_rate is not None:
            web_acl = api_web_acl(self, stage=stage, rate=stage.waf_rate)
            web_acl.protect(self.deployment_stage.stage_arn)
        self._acknowledge_findings(stage)

    def published_model(self, body: str) -> apigateway.IModel:
        """Publish the schema of a body, once. It is for readers and generated clients alone."""
        name = model_name(body)
        if name in self._models:
            return self._models[name]
        schema = model_schema(body)
        model = apigateway.CfnModel(
            self,
            f"{name}Model",
            rest_api_id=self.rest_api_id,
            name=name,
            content_type="application/json",
            schema=schema,
        )
        if self.latest_deployment:
            # A gateway stage publishes the resources that existed when it was deployed.
            self.latest_deployment.add_to_logical_id({name: schema})
        self._models[name] = apigateway.Model.from_model_name(self, name, model.ref)
        return self._models[name]

    def add_fallbacks(self) -> None:
        """Answer 405 to other methods of the routes' paths, and 404 to any other path."""
        methods: dict[str, list[str]] = {}
        for method in self.methods:
            methods.setdefault(method.resource.path, []).append(method.http_method)
        self.root.add_resource("{proxy+}")
        for resource in self._resources(self.root):
            allowed = [m for m in methods.get(resource.path, []) if m != "OPTIONS"]
            if allowed:
                headers = {"Allow": f"'{', '.join([*sorted(allowed), 'OPTIONS'])}'"}
                self._add_fallback(resource, METHOD_NOT_ALLOWED, headers)
            else:
                self._add_fallback(resource, NOT_FOUND, {})

    def _resources(self, parent: apigateway.IResource) -> list[apigateway.IResource]:
        children = [c for c in parent.node.children if isinstance(c, apigateway.Resource)]
        return [parent, *(found for child in children for found in self._resources(child))]

    def _add_fallback(
        self, resource: apigateway.IResource, problem: Problem, headers: dict[str, str]
    ) -> None:
        sent = {
            f"method.response.header.{name}": value
            for name, value in {**self._headers(problem), **headers}.items()
        }
        status = str(problem.status)
        method = resource.add_method(
            "ANY",
            apigateway.MockIntegration(
                passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
                request_templates=dict.fromkeys(
                    _FALLBACK_BODY_TYPES, json.dumps({"statusCode": problem.status})
                ),
                integration_responses=[
                    apigateway.IntegrationResponse(
                        status_code=status,
                        response_parameters=sent,
                        response_templates={CONTENT_TYPE: problem.template},
                    )
                ],
            ),
            authorization_type=apigateway.AuthorizationType.NONE,
            method_responses=[
                apigateway.MethodResponse(
                    status_code=status, response_parameters=dict.fromkeys(sent, True)
                )
            ],
        )
        nobody = "A fixed error for whoever asks: nothing is behind it to protect."
        acknowledge(method, {"AwsSolutions-APIG4": nobody, "AwsSolutions-COG4": nobody})

    def _add_gateway_problem(self, response_type: str, problem: Problem) -> None:
        self.add_gateway_response(
            response_type.title().replace("_", ""),
            type=apigateway.ResponseType.of(response_type),
            status_code=str(problem.status),
            response_headers=self._headers(problem),
            # By this name the gateway finds it whatever the client accepts; the header names the
            # type.
            templates={"application/json": problem.template},
        )

    def _headers(self, problem: Problem) -> dict[str, str]:
        return {
            "Content-Type": f"'{CONTENT_TYPE}'",
            "Cache-Control": "'no-store'",
            "X-Request-Id": "context.requestId",
            "Access-Control-Allow-Origin": f"'{self._cors_origin}'",
            "Access-Control-Expose-Headers": f"'{','.join(EXPOSED_HEADERS)}'",
            **{
                name: f"'{value}'"
                for name, value in {**SECURITY_HEADERS, **problem.headers}.items()
            },
        }

    def _require_tls_1_2(self) -> None:
        # RestApi has no property for it yet. The default would take TLS 1.0:
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html
        resource = self.node.default_child
        assert isinstance(resource, apigateway.CfnRestApi)  # noqa: S101 - for the type checker
        resource.security_policy = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
        resource.endpoint_access_mode = "STRICT"

    def _serve_at(self, domain_name: str, certificate_arn: str) -> None:
        domain = self.add_domain_name(
            "Domain",
            domain_name=domain_name,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", certificate_arn),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
            base_path=BASE_PATH,
        )
        self.address = f"https://{domain_name}/{BASE_PATH}"
        cdk.CfnOutput(
            cdk.Stack.of(self),
            "DomainTarget",
            value=domain.domain_name_alias_domain_name,
            description=f"What the CNAME record of {domain_name} has to name",
        )

    def _keep_execution_log(self, stage: Stage) -> None:
        # The gateway makes this group itself where there is none, and then keeps it for ever.
        log_group = logs.LogGroup(
            self,
            "ExecutionLog",
            log_group_name=f"API-Gateway-Execution-Logs_{self.rest_api_id}/{BASE_PATH}",
            retention=stage.log_retention,
            removal_policy=stage.removal_policy,
        )
        self.deployment_stage.node.add_dependency(log_group)

    def _acknowledge_findings(self, stage: Stage) -> None:
        acknowledge(
            self.node.find_child("Resource"),
            {
                "AwsSolutions-APIG2": "The functions check every request and report all faults "
                "of it together, which the gateway cannot: it stops at the first."
            },
        )
        if not stage.waf:
            acknowledge(
                self.deployment_stage,
                {
                    "AwsSolutions-APIG3": "Each method is throttled, and but for the health check "
                    "no request without a valid token reaches a function. A web ACL bills by the "
                    "month: stages that strangers know of set waf."
                },
            )
        acknowledge(
            self.node.find_child("CloudWatchRole"),
            {
                "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/"
                "service-role/AmazonAPIGatewayPushToCloudWatchLogs]": "The account's role for "
                "gateway logs: AWS keeps this policy in step with what the service needs; it "
                "opens CloudWatch Logs alone."
            },
        )


def _method_settings(throttle: Throttle, scale: float) -> apigateway.MethodDeploymentOptions:
    # Whole for each method: what a method's own settings leave out is off, not inherited.
    # Metrics per method cost as custom metrics do; those of the API are free.
    return apigateway.MethodDeploymentOptions(
        throttling_rate_limit=throttle.rate * scale,
        throttling_burst_limit=max(1, round(throttle.burst * scale)),
        logging_level=apigateway.MethodLoggingLevel.ERROR,
        data_trace_enabled=False,
        metrics_enabled=False,
    )
