import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from infra.models import model_schema
from lambdas.contract.headers import EXPOSED_HEADERS, SECURITY_HEADERS, TRACE_HEADERS
from lambdas.contract.responses import Problem
from lambdas.contract.route import Access, Route
from lambdas.contract.routes import ROUTES
from tests.infra.assembly import Properties, Template
from tests.infra.chosen import CHOSEN

METHOD = "AWS::ApiGateway::Method"
EXPOSED = {"Location", "Retry-After", "X-Request-Id"}  # of the contract
PUBLIC = {("GET", "/health"), ("HEAD", "/health")}

by_operation = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)


def paths(api: Template) -> dict[str, str]:
    """Paths by the text that refers to their resource."""
    resources = api.resources("AWS::ApiGateway::Resource")
    (gateway_id,) = api.resources("AWS::ApiGateway::RestApi")
    root = f"<{gateway_id}.RootResourceId>"

    def path(reference: str) -> str:
        if reference == root:
            return ""
        resource = resources[reference[1:-1]]
        return f"{path(api.text(resource['ParentId']))}/{resource['PathPart']}"

    found = {f"<{logical_id}>": path(f"<{logical_id}>") for logical_id in resources}
    return {root: "/", **found}


def methods(api: Template) -> Iterator[tuple[str, str, Properties]]:
    by_reference = paths(api)
    for method in api.resources(METHOD).values():
        yield method["HttpMethod"], by_reference[api.text(method["ResourceId"])], method


def method_of(api: Template, http_method: str, path: str) -> Properties:
    (found,) = (m for verb, where, m in methods(api) if (verb, where) == (http_method, path))
    return found


def served(api: Template) -> list[tuple[str, str]]:
    others = {"ANY", "OPTIONS", "HEAD"}
    return [(verb, path) for verb, path, _ in methods(api) if verb not in others]


def sent_headers(parameters: dict[str, str]) -> dict[str, str]:
    return {name.split(".header.")[1]: value for name, value in parameters.items()}


def problem(template: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(template)
    assert set(body) == Problem.__required_keys__
    assert body["type"] == "about:blank"
    assert body["requestId"] == "$context.requestId"
    return body


def test_each_route_of_the_table_is_there_once_and_nothing_else(api: Template) -> None:
    assert Counter(served(api)) == Counter((route.method, route.path) for route in ROUTES)


@by_operation
def test_a_route_leads_to_its_function(api: Template, stage_name: str, route: Route) -> None:
    integration = method_of(api, route.method, route.path)["Integration"]
    assert integration["Type"] == "AWS_PROXY"
    # The event is the proxy's alone: no template gives it a member that a client chooses.
    assert "RequestTemplates" not in integration
    assert integration["IntegrationHttpMethod"] == "POST"
    called = re.search(r"/functions/<(\w+)>/invocations$", api.text(integration["Uri"]))
    assert called is not None
    alias = api.resources("AWS::Lambda::Alias")[called[1]]
    assert alias["Name"] == "live"
    assert api.text(alias["FunctionName"]) == f"<quiz-{stage_name}-{route.function}>"


@by_operation
def test_a_route_asks_for_a_token_unless_the_contract_makes_it_public(
    api: Template, stage_name: str, route: Route
) -> None:
    method = method_of(api, route.method, route.path)
    if route.access is Access.PUBLIC:
        assert method["AuthorizationType"] == "NONE"
        assert "AuthorizerId" not in method
        return
    assert method["AuthorizationType"] == "COGNITO_USER_POOLS"
    ((authorizer_id, authorizer),) = api.resources("AWS::ApiGateway::Authorizer").items()
    assert method["AuthorizerId"] == {"Ref": authorizer_id}
    assert authorizer["AuthorizerResultTtlInSeconds"] == 300
    assert authorizer["Type"] == "COGNITO_USER_POOLS"
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"
    assert [api.text(arn) for arn in authorizer["ProviderARNs"]] == [f"<quiz-{stage_name}.Arn>"]


def test_only_the_health_check_is_public(api: Template) -> None:
    open_to_all = {
        (verb, path)
        for verb, path, method in methods(api)
        if method["AuthorizationType"] == "NONE" and method["Integration"]["Type"] != "MOCK"
    }
    assert open_to_all == PUBLIC


@by_operation
def test_a_route_takes_access_tokens_of_sdk_sign_ins_and_of_the_scope_of_its_kind(
    api: Template, identity: Template, route: Route
) -> None:
    """Scopes also make the authorizer refuse ID tokens."""
    scopes = method_of(api, route.method, route.path).get("AuthorizationScopes", [])
    if route.access is Access.PUBLIC:
        assert scopes == []
        return
    server = identity.only("AWS::Cognito::UserPoolResourceServer")
    known = {f"{server['Identifier']}/{scope['ScopeName']}" for scope in server["Scopes"]}
    own = "quiz/manage" if route.access is Access.ADMIN else "quiz/learn"
    assert set(scopes) == {"aws.cognito.signin.user.admin", own}
    assert own in known


def settings_of(api: Template) -> dict[tuple[str, str], Properties]:
    stage = api.only("AWS::ApiGateway::Stage")
    return {
        (entry["HttpMethod"], entry["ResourcePath"].replace("~1", "/").replace("//", "/")): entry
        for entry in stage["MethodSettings"]
    }


@by_operation
def test_a_body_has_a_published_model_and_nothing_at_the_gateway_enforces_it(
    api: Template, route: Route
) -> None:
    method = method_of(api, route.method, route.path)
    assert "RequestValidatorId" not in method
    if route.body is None:
        assert "RequestModels" not in method
        return
    ((content_type, reference),) = method["RequestModels"].items()
    assert content_type == "application/json"
    model = api.resources("AWS::ApiGateway::Model")[reference["Ref"]]
    assert model["Name"] == route.body.rpartition(":")[2]
    assert model["Schema"] == model_schema(route.body)


def test_there_is_no_validator(api: Template) -> None:
    assert api.resources("AWS::ApiGateway::RequestValidator") == {}


@by_operation
def test_a_route_is_throttled_as_the_table_and_the_stage_say(
    api: Template, stage_name: str, route: Route
) -> None:
    settings = settings_of(api)[route.method, route.path]
    scale = CHOSEN[stage_name].throttle_scale
    assert settings["ThrottlingRateLimit"] == route.throttle.rate * scale
    assert settings["ThrottlingBurstLimit"] == route.throttle.burst * scale


def test_staging_throttles_as_the_table_says_and_production_three_times_as_much() -> None:
    assert CHOSEN["staging"].throttle_scale == 1
    assert CHOSEN["prod"].throttle_scale == 3


def test_every_other_method_is_throttled_too(api: Template) -> None:
    settings = settings_of(api)["*", "/*"]
    assert 0 < settings["ThrottlingRateLimit"] <= settings["ThrottlingBurstLimit"]


def test_no_method_logs_bodies(api: Template) -> None:
    for settings in settings_of(api).values():
        assert settings["DataTraceEnabled"] is False
        assert settings["LoggingLevel"] == "ERROR"


def test_a_preflight_is_answered_on_every_path_for_the_origin_of_the_stage(
    api: Template, stage_name: str
) -> None:
    preflights = {path: method for verb, path, method in methods(api) if verb == "OPTIONS"}
    assert set(preflights) == set(paths(api).values())
    for method in preflights.values():
        assert method["AuthorizationType"] == "NONE"
        (response,) = method["Integration"]["IntegrationResponses"]
        headers = sent_headers(response["ResponseParameters"])
        allowed = headers["Access-Control-Allow-Headers"].strip("'").split(",")
        assert headers["Access-Control-Allow-Origin"] == f"'{CHOSEN[stage_name].cors_origin}'"
        assert {"Authorization", "Content-Type", "Idempotency-Key", *TRACE_HEADERS} == set(allowed)
        verbs = set(headers["Access-Control-Allow-Methods"].strip("'").split(","))
        assert verbs == {route.method for route in ROUTES} | {"HEAD"}
        assert set(headers["Access-Control-Expose-Headers"].strip("'").split(",")) == EXPOSED


def test_the_health_check_answers_head(api: Template) -> None:
    assert method_of(api, "HEAD", "/health")["AuthorizationType"] == "NONE"


def test_large_responses_are_compressed_on_request(api: Template) -> None:
    assert api.only("AWS::ApiGateway::RestApi")["MinimumCompressionSize"] == 1_024


def test_errors_of_the_gateway_carry_the_security_headers(api: Template) -> None:
    for response in api.resources("AWS::ApiGateway::GatewayResponse").values():
        headers = sent_headers(response["ResponseParameters"])
        assert {name: headers[name].strip("'") for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_functions_expose_the_headers_that_the_gateway_does() -> None:
    assert set(EXPOSED_HEADERS) == EXPOSED


def fallback(method: Properties) -> tuple[dict[str, Any], dict[str, str]]:
    integration = method["Integration"]
    assert method["AuthorizationType"] == "NONE"
    assert integration["Type"] == "MOCK"
    (response,) = integration["IntegrationResponses"]
    (body,) = response["ResponseTemplates"].values()
    parsed = problem(body)
    assert response["StatusCode"] == str(parsed["status"])
    for template in integration["RequestTemplates"].values():
        assert json.loads(template) == {"statusCode": parsed["status"]}
    (declared,) = method["MethodResponses"]
    assert declared["StatusCode"] == response["StatusCode"]
    assert set(declared["ResponseParameters"]) == set(response["ResponseParameters"])
    return parsed, sent_headers(response["ResponseParameters"])


def test_a_known_path_with_another_method_is_405_and_tells_which_it_takes(api: Template) -> None:
    for path in {route.path for route in ROUTES}:
        body, headers = fallback(method_of(api, "ANY", path))
        assert (body["status"], body["code"]) == (405, "METHOD_NOT_ALLOWED")
        taken = {route.method for route in ROUTES if route.path == path}
        taken |= {"HEAD"} if path == "/health" else set()
        assert set(headers["Allow"].strip("'").split(", ")) == {*taken, "OPTIONS"}


def test_any_other_path_is_404(api: Template) -> None:
    others = set(paths(api).values()) - {route.path for route in ROUTES}
    assert {"/", "/{proxy+}", "/admin"} <= others
    for path in others:
        body, headers = fallback(method_of(api, "ANY", path))
        assert (body["status"], body["code"]) == (404, "NOT_FOUND")
        assert "Allow" not in headers


def test_a_fallback_takes_bodies_of_the_usual_types(api: Template) -> None:
    for verb, _, method in methods(api):
        if verb == "ANY":
            assert set(method["Integration"]["RequestTemplates"]) >= {
                "application/json",
                "application/x-www-form-urlencoded",
                "multipart/form-data",
                "text/plain",
            }
            assert method["Integration"]["PassthroughBehavior"] == "NEVER"


@pytest.mark.parametrize(
    ("response_type", "status", "code"),
    [
        ("UNAUTHORIZED", 401, "UNAUTHORIZED"),
        ("EXPIRED_TOKEN", 401, "UNAUTHORIZED"),
        ("ACCESS_DENIED", 403, "FORBIDDEN"),
        ("WAF_FILTERED", 403, "FORBIDDEN"),
        ("MISSING_AUTHENTICATION_TOKEN", 404, "NOT_FOUND"),
        ("RESOURCE_NOT_FOUND", 404, "NOT_FOUND"),
        ("UNSUPPORTED_MEDIA_TYPE", 404, "NOT_FOUND"),
        ("REQUEST_TOO_LARGE", 413, "BODY_TOO_LARGE"),
        ("THROTTLED", 429, "RATE_LIMITED"),
        ("QUOTA_EXCEEDED", 429, "RATE_LIMITED"),
        ("INTEGRATION_FAILURE", 503, "UNAVAILABLE"),
        ("INTEGRATION_TIMEOUT", 503, "UNAVAILABLE"),
        ("DEFAULT_4XX", 400, "BAD_REQUEST"),
        ("DEFAULT_5XX", 500, "INTERNAL_ERROR"),
    ],
)
def test_the_gateway_answers_its_own_errors_as_the_contract_says(
    api: Template, response_type: str, status: int, code: str
) -> None:
    (response,) = (
        response
        for response in api.resources("AWS::ApiGateway::GatewayResponse").values()
        if response["ResponseType"] == response_type
    )
    (template,) = response["ResponseTemplates"].values()
    body = problem(template)
    assert response["StatusCode"] == str(status)
    assert (body["status"], body["code"]) == (status, code)


def own_errors(api: Template) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    for response in api.resources("AWS::ApiGateway::GatewayResponse").values():
        (template,) = response["ResponseTemplates"].values()
        yield problem(template), sent_headers(response["ResponseParameters"])
    for verb, _, method in methods(api):
        if verb == "ANY":
            yield fallback(method)


def test_every_error_of_the_gateway_has_the_headers_of_the_contract(
    api: Template, stage_name: str
) -> None:
    for body, headers in own_errors(api):
        assert headers["Content-Type"] == "'application/problem+json'"
        assert headers["X-Request-Id"] == "context.requestId"
        assert headers["Access-Control-Allow-Origin"] == f"'{CHOSEN[stage_name].cors_origin}'"
        assert set(headers["Access-Control-Expose-Headers"].strip("'").split(",")) == EXPOSED
        assert ("Retry-After" in headers) == (body["status"] in {429, 503})
        challenge = "'Bearer'" if body["status"] == 401 else None
        assert headers.get("WWW-Authenticate") == challenge


def test_texts_of_errors_hold_nothing_a_template_would_take_for_code(api: Template) -> None:
    for body, _ in own_errors(api):
        assert not {"$", "#"} & set(body["title"] + body["detail"])


# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
SAYS_NOTHING_OF_THE_CALLER = {
    f"$context.{name}"
    for name in (
        "error.responseType",
        "httpMethod",
        "integrationLatency",
        "integrationStatus",
        "requestId",
        "requestTimeEpoch",
        "resourcePath",  # `/users/{userId}`: the names of parameters, not their values
        "responseLatency",
        "responseLength",
        "status",
        "xrayTraceId",
    )
}


def test_the_access_log_names_no_caller_and_no_token(api: Template) -> None:
    setting = api.only("AWS::ApiGateway::Stage")["AccessLogSetting"]
    logged = set(json.loads(setting["Format"]).values())
    assert {"$context.requestId", "$context.status", "$context.resourcePath"} <= logged
    assert logged <= SAYS_NOTHING_OF_THE_CALLER
    assert "log-group" in api.text(setting["DestinationArn"])


def test_the_execution_log_is_ours_before_the_gateway_writes_to_it(api: Template) -> None:
    ((stage_id, stage),) = api.resources("AWS::ApiGateway::Stage").items()
    (log_id,) = (
        logical_id
        for logical_id, group in api.resources("AWS::Logs::LogGroup").items()
        if api.text(group["LogGroupName"]).startswith("API-Gateway-Execution-Logs_")
    )
    assert log_id in api.body["Resources"][stage_id]["DependsOn"]
    name = api.text(api.resources("AWS::Logs::LogGroup")[log_id]["LogGroupName"])
    assert name.endswith(f"/{stage['StageName']}")


def test_the_gateway_takes_no_tls_older_than_1_2(api: Template) -> None:
    gateway = api.only("AWS::ApiGateway::RestApi")
    assert gateway["SecurityPolicy"] == "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
    assert gateway["EndpointAccessMode"] == "STRICT"
    assert gateway["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_the_gateway_traces(api: Template) -> None:
    assert api.only("AWS::ApiGateway::Stage")["TracingEnabled"] is True


def test_clients_learn_address_and_region_from_the_outputs(api: Template) -> None:
    outputs = api.body["Outputs"]
    (gateway_id,) = api.resources("AWS::ApiGateway::RestApi")
    # An output that another stack imports is named by an export.
    assert {n for n, each in outputs.items() if "Export" not in each} == {"ApiUrl", "Region"}
    (stage_id,) = api.resources("AWS::ApiGateway::Stage")
    assert api.text(outputs["ApiUrl"]["Value"]) == (
        f"https://<{gateway_id}>.execute-api.<AWS::Region>.<AWS::URLSuffix>/<{stage_id}>"
    )
    assert outputs["Region"]["Value"] == {"Ref": "AWS::Region"}
