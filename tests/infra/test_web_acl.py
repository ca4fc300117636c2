import json

import pytest

from tests.infra.assembly import Assembly, Properties, Template
from tests.infra.chosen import CHOSEN

ACL = "AWS::WAFv2::WebACL"
ASSOCIATION = "AWS::WAFv2::WebACLAssociation"


@pytest.fixture(params=[name for name, stage in CHOSEN.items() if stage.waf])
def protected(assembly: Assembly, request: pytest.FixtureRequest) -> Template:
    return assembly.template(f"quiz-{request.param}-api")


def rules(template: Template) -> dict[str, Properties]:
    return {rule["Name"]: rule for rule in template.only(ACL)["Rules"]}


def test_staging_and_prod_have_a_web_acl_and_no_other_stage(assembly: Assembly) -> None:
    having = {name for name, template in assembly.templates.items() if template.resources(ACL)}
    assert having == {"quiz-staging-api", "quiz-prod-api"}


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
