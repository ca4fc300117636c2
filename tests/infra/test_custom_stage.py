"""Settings that the context may add to a stage: a domain and an alarm address."""

from tests.infra.assembly import Assembly
from tests.infra.chosen import CUSTOM


def test_the_api_is_at_its_own_address_and_at_no_other(custom: Assembly) -> None:
    api = custom.template("quiz-custom-api")
    domain = api.only("AWS::ApiGateway::DomainName")
    assert domain["DomainName"] == CUSTOM.domain_name
    assert domain["RegionalCertificateArn"] == CUSTOM.certificate_arn
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert domain["SecurityPolicy"] == "TLS_1_2"
    assert api.only("AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True


def test_the_address_leads_to_the_stage_of_the_api(custom: Assembly) -> None:
    api = custom.template("quiz-custom-api")
    mapping = api.only("AWS::ApiGateway::BasePathMapping")
    (domain_id,) = api.resources("AWS::ApiGateway::DomainName")
    (gateway_id,) = api.resources("AWS::ApiGateway::RestApi")
    (stage_id,) = api.resources("AWS::ApiGateway::Stage")
    assert mapping["BasePath"] == "v1"
    assert mapping["DomainName"] == {"Ref": domain_id}
    assert mapping["RestApiId"] == {"Ref": gateway_id}
    assert mapping["Stage"] == {"Ref": stage_id}


def test_the_outputs_tell_clients_the_address_and_the_dns_its_target(custom: Assembly) -> None:
    api = custom.template("quiz-custom-api")
    assert api.body["Outputs"]["ApiUrl"]["Value"] == "https://api.quiz.example.com/v1"
    (domain_id,) = api.resources("AWS::ApiGateway::DomainName")
    assert api.body["Outputs"]["DomainTarget"]["Value"] == {
        "Fn::GetAtt": [domain_id, "RegionalDomainName"]
    }


def test_alarms_go_to_the_address_given(custom: Assembly) -> None:
    operations = custom.template("quiz-custom-operations")
    (topic_id,) = operations.resources("AWS::SNS::Topic")
    assert operations.only("AWS::SNS::Subscription") == {
        "Protocol": "email",
        "Endpoint": "ada@example.com",
        "TopicArn": {"Ref": topic_id},
    }


def test_functions_get_the_endpoint_and_the_switches_given(custom: Assembly) -> None:
    functions = custom.template("quiz-custom-api").resources("AWS::Lambda::Function").values()
    for function in functions:
        variables = function["Environment"]["Variables"]
        assert variables["DYNAMODB_ENDPOINT"] == CUSTOM.dynamodb_endpoint
        assert variables["CIRCUIT_BREAKER_ENABLED"] == "false"
        assert variables.get("ADMIN_MFA", "false") == "false"


def test_the_user_pool_has_a_sign_in_page_that_gives_codes_to_the_web_client(
    custom: Assembly,
) -> None:
    identity = custom.template("quiz-custom-identity")
    ((page_id, page),) = identity.resources("AWS::Cognito::UserPoolDomain").items()
    assert page["Domain"] == CUSTOM.sign_in_prefix
    client = identity.only("AWS::Cognito::UserPoolClient")
    assert client["AllowedOAuthFlowsUserPoolClient"] is True
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["CallbackURLs"] == client["LogoutURLs"] == [CUSTOM.sign_in_callback]
    assert client["GenerateSecret"] is False
    (server_id,) = identity.resources("AWS::Cognito::UserPoolResourceServer")
    scopes = [{"Fn::Join": ["", [{"Ref": server_id}, f"/{name}"]]} for name in ("learn", "manage")]
    assert client["AllowedOAuthScopes"] == scopes
    address = ["https://", {"Ref": page_id}, ".auth.", {"Ref": "AWS::Region"}, ".amazoncognito.com"]
    assert identity.body["Outputs"]["SignInPageUrl"]["Value"] == {"Fn::Join": ["", address]}
