import json

import pytest

from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from tests.infra.assembly import Assembly, Properties, Template
from tests.infra.chosen import CHOSEN

ACL = "AWS::WAFv2::WebACL"
ASSOCIATION = "AWS::WAFv2::WebACLAssociation"


@pytest.fixture(params=[name for name, stage in CHOSEN.items() if stage.waf])
def protected(assembly: Assembly, request: pytest.FixtureRequest) -> Template:
    return assembly.template(f"quiz-{request.param}-api")


def rules(template: Template) -> dict[str, Properties]:
    return {rule["Name"]: rule for rule in template.only(ACL)["Rules"]}


@pytest.fixture(params=[name for name, stage in CHOSEN.items() if stage.waf])
def accounts(assembly: Assembly, request: pytest.FixtureRequest) -> Template:
    return assembly.template(f"quiz-{request.param}-identity")


def test_staging_and_prod_have_two_web_acls_and_no_other_stage(assembly: Assembly) -> None:
    having = {name for name, template in assembly.templates.items() if template.resources(ACL)}
    assert having == {
        f"quiz-{stage}-{stack}" for stage in ("staging", "prod") for stack in ("api", "identity")
    }


def test_one_stands_before_the_user_pool(accounts: Template) -> None:
    (acl_id,) = accounts.resources(ACL)
    association = accounts.only(ASSOCIATION)
    pool = accounts.only("AWS::Cognito::UserPool")["UserPoolName"]
    assert accounts.text(association["ResourceArn"]) == f"<{pool}.Arn>"
    assert association["WebACLArn"] == {"Fn::GetAtt": [acl_id, "Arn"]}


def test_an_account_is_deleted_through_the_api_alone(accounts: Template) -> None:
    """Cognito's own DeleteUser would leave the learner's data behind."""
    rule = rules(accounts)["DeleteUser"]
    match = rule["Statement"]["ByteMatchStatement"]
    assert match["FieldToMatch"] == {"SingleHeader": {"Name": "x-amzn-cognito-operation-name"}}
    assert (match["PositionalConstraint"], match["SearchString"]) == ("EXACTLY", "DeleteUser")
    assert rule["Action"] == {"Block": {}}
    limit = rules(accounts)["RatePerAddress"]
    assert limit["Statement"]["RateBasedStatement"]["Limit"] == 10_000
    assert limit["Action"] == {"Block": {}}
    assert accounts.only(ACL)["DefaultAction"] == {"Allow": {}}


BAD_INPUTS = {"JavaDeserializationRCE", "Log4JRCE", "ReactJSRCE"}


def judge(rule: Properties, path: str, labels: set[str]) -> bool:
    """Whether a rule of labels and a path matches a request."""

    def holds(statement: Properties) -> bool:
        ((kind, content),) = statement.items()
        match kind:
            case "AndStatement":
                return all(map(holds, content["Statements"]))
            case "OrStatement":
                return any(map(holds, content["Statements"]))
            case "NotStatement":
                return not holds(content["Statement"])
            case "LabelMatchStatement":
                assert content["Scope"] == "LABEL"
                return content["Key"] in labels
            case "ByteMatchStatement":
                assert content["FieldToMatch"] == {"UriPath": {}}
                assert content["PositionalConstraint"] == "STARTS_WITH"
                return path.startswith(content["SearchString"])
            case _:
                raise ValueError(kind)

    return holds(rule["Statement"])


@pytest.mark.parametrize("bad", sorted(BAD_INPUTS))
def test_a_bank_may_quote_an_exploit_and_nobody_else(protected: Template, bad: str) -> None:
    """WAF's group would refuse a question that quotes a lookup such as `${jndi:…}`."""
    group = rules(protected)["AWSManagedRulesKnownBadInputsRuleSet"]
    overrides = group["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    counted = {each["Name"]: each["ActionToUse"] for each in overrides}
    assert counted == {f"{name}_BODY": {"Count": {}} for name in BAD_INPUTS}
    blocking = rules(protected)["BadInputInBody"]
    assert blocking["Action"] == {"Block": {}}
    assert blocking["Priority"] > group["Priority"]
    labels = {f"awswaf:managed:aws:known-bad-inputs:{bad}_Body"}
    for route in ROUTES:
        path = f"/v1{route.path.replace('{', '').replace('}', '')}"
        assert judge(blocking, path, labels) is (route.access is not Access.ADMIN)
        assert not judge(blocking, path, set())


@pytest.mark.parametrize("stack", ["api", "identity"])
@pytest.mark.parametrize("stage", [name for name, stage in CHOSEN.items() if stage.waf])
def test_blocked_requests_are_logged_without_credentials(
    assembly: Assembly, stage: str, stack: str
) -> None:
    template = assembly.template(f"quiz-{stage}-{stack}")
    logging = template.only("AWS::WAFv2::LoggingConfiguration")
    name = template.only(ACL)["Name"]
    (destination,) = logging["LogDestinationConfigs"]
    assert template.text(destination) == (
        "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:aws-waf-logs-" + name
    )
    assert f"aws-waf-logs-{name}" in {
        each["LogGroupName"]
        for each in template.resources("AWS::Logs::LogGroup").values()
        if isinstance(each["LogGroupName"], str)
    }
    assert logging["RedactedFields"] == [
        {"SingleHeader": {"Name": "authorization"}},
        {"SingleHeader": {"Name": "cookie"}},
        {"QueryString": {}},
    ]
    (kept,) = logging["LoggingFilter"]["Filters"]
    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    assert kept["Behavior"] == "KEEP"
    assert kept["Conditions"] == [{"ActionCondition": {"Action": "BLOCK"}}]


def test_it_stands_before_the_stage_of_the_api(protected: Template) -> None:
    (gateway_id,) = protected.resources("AWS::ApiGateway::RestApi")
    (stage_id,) = protected.resources("AWS::ApiGateway::Stage")
    (acl_id,) = protected.resources(ACL)
    association = protected.only(ASSOCIATION)
    assert protected.text(association["ResourceArn"]).endswith(
        f"::/restapis/<{gateway_id}>/stages/<{stage_id}>"
    )
    assert association["WebACLArn"] == {"Fn::GetAtt": [acl_id, "Arn"]}
    assert protected.only(ACL)["Scope"] == "REGIONAL"


def test_common_attacks_and_known_bad_inputs_are_refused(protected: Template) -> None:
    for name in ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"):
        rule = rules(protected)[name]
        group = rule["Statement"]["ManagedRuleGroupStatement"]
        assert (group["VendorName"], group["Name"]) == ("AWS", name)
        assert rule["OverrideAction"] == {"None": {}}


def test_bodies_the_contract_allows_are_not_refused(protected: Template) -> None:
    """The group would refuse bodies over 8 KB, and questions on HTML or the cloud's addresses."""
    group = rules(protected)["AWSManagedRulesCommonRuleSet"]["Statement"][
        "ManagedRuleGroupStatement"
    ]
    counting = {rule["Name"]: rule["ActionToUse"] for rule in group["RuleActionOverrides"]}
    assert all(name.endswith("_BODY") for name in counting)
    assert counting["SizeRestrictions_BODY"] == {"Count": {}}


def test_an_address_that_floods_is_told_429_in_the_form_of_the_contract(
    protected: Template,
) -> None:
    acl = protected.only(ACL)
    rule = rules(protected)["RatePerAddress"]
    assert rule["Priority"] == min(each["Priority"] for each in acl["Rules"])
    statement = rule["Statement"]["RateBasedStatement"]
    assert statement == {"AggregateKeyType": "IP", "EvaluationWindowSec": 300, "Limit": 10_000}
    response = rule["Action"]["Block"]["CustomResponse"]
    assert response["ResponseCode"] == 429
    headers = {header["Name"]: header["Value"] for header in response["ResponseHeaders"]}
    assert int(headers["Retry-After"]) > 0
    body = json.loads(acl["CustomResponseBodies"][response["CustomResponseBodyKey"]]["Content"])
    assert (body["status"], body["code"], body["requestId"]) == (429, "RATE_LIMITED", "")


def test_no_sample_of_a_request_is_kept(protected: Template) -> None:
    """It would hold the token."""
    acl = protected.only(ACL)
    for holder in (acl, *acl["Rules"]):
        assert holder["VisibilityConfig"]["SampledRequestsEnabled"] is False
        assert holder["VisibilityConfig"]["CloudWatchMetricsEnabled"] is True
