"""Findings about an account for a stage, each with its remedy."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from local.errors import CommandError
from ops.deploy.doctor import Finding, Plan, examine, require_health
from tests.unit.ops.stubs import client

SENDER = {"EmailSendingAccount": "DEVELOPER", "From": "Quiz <quiz@example.com>"}
QUEUE_ABSENT = "AWS.SimpleQueueService.NonExistentQueue"


def plan(folder: Path, **changes: Any) -> Plan:
    """A stage with one of each thing that is checked."""
    resources: dict[str, dict[str, Any]] = {
        "Answer": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "quiz-prod-answer",
                "MemorySize": 512,
                "ReservedConcurrentExecutions": 50,
            },
        },
        "Users": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "quiz-prod-users"}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "quiz-prod-q"}},
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/a"}},
        "Other": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "X"}}},
        "Pool": {
            "Type": "AWS::Cognito::UserPool",
            "Properties": {"EmailConfiguration": SENDER},
        },
        "Budget": {
            "Type": "AWS::Budgets::Budget",
            "Properties": {"Budget": {"BudgetLimit": {"Amount": 500, "Unit": "USD"}}},
        },
    }
    for name, properties in changes.items():
        resources[name]["Properties"] = properties
    (folder / "quiz-prod-all.template.json").write_text(json.dumps({"Resources": resources}))
    artifact = {
        "properties": {
            "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/q/version",
            "requiresBootstrapStackVersion": 6,
        }
    }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"a": artifact}}))
    return Plan("prod", folder)


class Account:
    """An account without a fault, until a test changes what it answers."""

    def __init__(self) -> None:
        self.clients = {
            name: client(name)
            for name in ("ssm", "lambda", "cloudformation", "dynamodb", "sqs", "logs", "sesv2")
        }
        self.stubs = {name: Stubber(each) for name, each in self.clients.items()}
        self.version, self.concurrency, self.production = "21", 1000, True
        self.verified: bool | None = True
        self.retained = False
        self.denied = ""

    def __call__(self, service: str) -> Any:
        return self.clients[service]

    def answers(self) -> None:
        stubs = self.stubs
        if self.denied:
            stubs["ssm"].add_client_error("get_parameter", self.denied)
        elif self.version:
            stubs["ssm"].add_response(
                "get_parameter",
                {"Parameter": {"Value": self.version}},
                {"Name": "/cdk-bootstrap/q/version"},
            )
        else:
            stubs["ssm"].add_client_error("get_parameter", "ParameterNotFound")
        stubs["lambda"].add_response(
            "get_account_settings", {"AccountLimit": {"ConcurrentExecutions": self.concurrency}}
        )
        stubs["cloudformation"].add_client_error("describe_stacks", "ValidationError")
        if self.retained:
            stubs["dynamodb"].add_response("describe_table", {"Table": {}})
            stubs["sqs"].add_response("get_queue_url", {"QueueUrl": "u"})
            found = {"logGroups": [{"logGroupName": "/aws/a"}, {"logGroupName": "/aws/ab"}]}
        else:
            stubs["dynamodb"].add_client_error("describe_table", "ResourceNotFoundException")
            stubs["sqs"].add_client_error("get_queue_url", QUEUE_ABSENT)
            found = {"logGroups": [{"logGroupName": "/aws/ab"}]}
        stubs["logs"].add_response("describe_log_groups", found)
        if self.verified is None:
            stubs["sesv2"].add_client_error("get_email_identity", "NotFoundException")
        else:
            stubs["sesv2"].add_response(
                "get_email_identity",
                {"VerifiedForSendingStatus": self.verified},
                {"EmailIdentity": "example.com"},
            )
        stubs["sesv2"].add_response("get_account", {"ProductionAccessEnabled": self.production})


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account()
    with ExitStack() as stack:
        for stub in made.stubs.values():
            stack.enter_context(stub)
        yield made


def findings(account: Account, plan: Plan) -> list[Finding]:
    account.answers()
    return list(examine(plan, account))


def test_an_account_that_has_all_of_it_has_no_finding(
    account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account.answers()
    require_health(plan(tmp_path), account)
    assert capsys.readouterr().out == "Stage prod can be deployed.\n"


@pytest.mark.parametrize(
    ("changes", "problem", "remedy", "stops"),
    [
        ({"version": "5"}, "has version 5, and the stacks need 6", "cdk bootstrap aws://", True),
        ({"version": ""}, "is not there, and the stacks need 6", "cdk bootstrap aws://", True),
        (
            {"concurrency": 10},
            "may run 10 functions at once, and the stage needs 150",
            "L-B9",
            True,
        ),
        ({"verified": False}, "no verified identity example.com", "create-email-identity", True),
        ({"verified": None}, "no verified identity example.com", "create-email-identity", True),
        ({"production": False}, "SES is in its sandbox", "Request production access", False),
        (
            {"retained": True},
            "left: /aws/a (Logs), quiz-prod-q (SQS), quiz-prod-users (DynamoDB).",
            "ADOPT=1",
            False,
        ),
        (
            {"denied": "AccessDeniedException"},
            "The check of bootstrap was not made.",
            "these credentials may not",
            False,
        ),
    ],
)
def test_a_lack_is_found_with_its_remedy(
    account: Account,
    tmp_path: Path,
    changes: dict[str, Any],
    problem: str,
    remedy: str,
    *,
    stops: bool,
) -> None:
    for name, value in changes.items():
        setattr(account, name, value)
    (finding,) = findings(account, plan(tmp_path))
    assert problem in finding.problem
    assert remedy in finding.remedy
    assert finding.stops is stops


def test_a_budget_below_the_forecast_is_found(account: Account, tmp_path: Path) -> None:
    cheap = {"Budget": {"BudgetLimit": {"Amount": 20, "Unit": "USD"}}}
    (finding,) = findings(account, plan(tmp_path, Budget=cheap))
    assert finding.problem.startswith("The budget of $20 is below the forecast of $")
    assert not finding.stops


def test_the_sender_of_cognito_is_noted(account: Account, tmp_path: Path) -> None:
    (finding,) = findings(account, plan(tmp_path, Pool={}))
    assert "at most 50 messages a day" in finding.problem
    assert not finding.stops


def test_a_finding_that_stops_ends_the_command(account: Account, tmp_path: Path) -> None:
    account.concurrency = 10
    account.answers()
    with pytest.raises(CommandError, match="Stage prod cannot be deployed: 1 of the findings"):
        require_health(plan(tmp_path), account)
