"""Saved queries, the alarm topic, the budget and traces."""

import json
import re

from infra.queries import QUERIES
from tests.infra.assembly import Assembly, Template
from tests.infra.chosen import CHOSEN
from tests.infra.operations import by_stage, topics


@by_stage
def test_a_query_asks_log_groups_that_there_are(assembly: Assembly, stage: str) -> None:
    groups = {
        group["LogGroupName"]
        for name, template in assembly.templates.items()
        if name.startswith(f"quiz-{stage}-")
        for group in template.resources("AWS::Logs::LogGroup").values()
        if isinstance(group["LogGroupName"], str)
    }
    saved = assembly.template(f"quiz-{stage}-operations").resources("AWS::Logs::QueryDefinition")
    assert {each["Name"] for each in saved.values()} == {
        f"quiz-{stage}/{query.name}" for query in QUERIES
    }
    for query in saved.values():
        assert query["LogGroupNames"]
        assert set(query["LogGroupNames"]) <= groups
        assert len(query["LogGroupNames"]) <= 50  # what Logs Insights takes
        assert len(query["QueryString"]) <= 10_000
        assert query["QueryString"].startswith("# ")


def test_the_watchers_hold_nothing_they_watch(operations: Template) -> None:
    """An import would keep a function from being removed."""
    imported = re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(operations.body))
    # Cognito's metrics know the pool and its client by ids that CloudFormation makes, and the
    # synthetic monitor calls the gateway's address, which has such an id too.
    names = {each.partition(":ExportsOutputRef")[2] for each in imported}
    assert sorted(re.sub(r"[0-9A-F]{8,}$", "", name) for name in names) == [
        "Gateway",
        "GatewayDeploymentStagev",
        "UserPool",
        "UserPoolWebClient",
    ]


def test_the_topic_is_encrypted_by_a_key_that_alarms_and_budgets_may_use(
    operations: Template,
) -> None:
    ((key_id, key),) = operations.resources("AWS::KMS::Key").items()
    for topic in operations.resources("AWS::SNS::Topic").values():
        assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [key_id, "Arn"]}
    assert key["EnableKeyRotation"] is True
    (services,) = (s for s in key["KeyPolicy"]["Statement"] if "Service" in s["Principal"])
    assert set(services["Principal"]["Service"]) == PUBLISHERS
    assert set(services["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}


PUBLISHERS = {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}


def test_only_this_accounts_alarms_and_budgets_may_publish_and_over_tls(
    operations: Template,
) -> None:
    policies = operations.resources("AWS::SNS::TopicPolicy").values()
    assert len(policies) == len(topics(operations))
    for each in policies:
        policy = each["PolicyDocument"]["Statement"]
        (denied,) = (s for s in policy if s["Effect"] == "Deny")
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        allowed = [s for s in policy if s["Effect"] == "Allow"]
        assert {s["Principal"]["Service"] for s in allowed} == PUBLISHERS
        for statement in allowed:
            assert statement["Action"] == "sns:Publish"
            assert statement["Condition"]["StringEquals"] == {
                "aws:SourceAccount": {"Ref": "AWS::AccountId"}
            }
            assert "aws:SourceArn" in statement["Condition"]["ArnLike"]


@by_stage
def test_only_the_address_that_the_deployer_gives_is_subscribed(
    assembly: Assembly, stage: str
) -> None:
    template = assembly.template(f"quiz-{stage}-operations")
    addresses = [each["Endpoint"] for each in template.resources("AWS::SNS::Subscription").values()]
    given = CHOSEN[stage].alarm_email
    assert addresses == ([given] * len(topics(template)) if given else [])


@by_stage
def test_the_budget_is_of_what_carries_the_stages_tag(assembly: Assembly, stage: str) -> None:
    budget = assembly.template(f"quiz-{stage}-operations").only("AWS::Budgets::Budget")["Budget"]
    assert budget["BudgetType"] == "COST"
    assert budget["TimeUnit"] == "MONTHLY"
    assert budget["BudgetLimit"] == {"Amount": CHOSEN[stage].monthly_budget, "Unit": "USD"}
    assert budget["CostFilters"] == {"TagKeyValue": [f"user:stage${stage}"]}


def test_the_budget_tells_the_topic_at_80_and_100_percent(operations: Template) -> None:
    topic_id = topics(operations)["tickets"]
    told = operations.only("AWS::Budgets::Budget")["NotificationsWithSubscribers"]
    assert [each["Notification"]["Threshold"] for each in told] == [80, 100]
    for each in told:
        assert each["Notification"]["ThresholdType"] == "PERCENTAGE"
        assert each["Notification"]["NotificationType"] == "ACTUAL"
        assert each["Subscribers"] == [{"SubscriptionType": "SNS", "Address": {"Ref": topic_id}}]


@by_stage
def test_traces_are_a_share_of_requests_without_a_reservoir(assembly: Assembly, stage: str) -> None:
    operations = assembly.template(f"quiz-{stage}-operations")
    rule = operations.only("AWS::XRay::SamplingRule")["SamplingRule"]
    assert (rule["ReservoirSize"], rule["FixedRate"]) == (0, CHOSEN[stage].traced_share)
    # The gateway decides for all that follows, by its own name.
    api = assembly.template(f"quiz-{stage}-api")
    gateway = api.only("AWS::ApiGateway::RestApi")["Name"]
    assert rule["ServiceName"] == f"{gateway}/{api.only('AWS::ApiGateway::Stage')['StageName']}"
