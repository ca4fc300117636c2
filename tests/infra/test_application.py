import json
import os
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from infra.application import new_app
from infra.decisions import EXAMPLES
from infra.stages import Stage
from local.data_folder import ROOT
from tests.infra.assembly import NO_BUNDLING, Assembly, Template
from tests.infra.chosen import CHOSEN

RESOURCE_LIMIT = (
    500  # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
)

NAMES = {
    "AWS::ApiGateway::RestApi": ("Name",),
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::Cognito::UserPool": ("UserPoolName",),
    "AWS::Cognito::UserPoolClient": ("ClientName",),
    "AWS::DynamoDB::Table": ("TableName",),
    "AWS::Events::Rule": ("Name",),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::Logs::QueryDefinition": ("Name",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::WAFv2::WebACL": ("Name",),
}
"""Properties that name a resource in its account."""


def run_app(
    outdir: Path, variables: Any = MappingProxyType({}), **context: Any
) -> subprocess.CompletedProcess[str]:
    """Start app.py as the CLI does, for somebody without an account, a region or a network."""
    nowhere = "http://127.0.0.1:9"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_DEFAULT_"))}
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=inherited
        | {
            "CDK_OUTDIR": str(outdir),
            "CDK_CONTEXT_JSON": json.dumps(NO_BUNDLING | context),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "HTTP_PROXY": nowhere,
            "HTTPS_PROXY": nowhere,
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_second_synthesis_gives_the_same_bytes(assembly: Assembly, tmp_path: Path) -> None:
    """In another process, by the entry point, and with one stage alone."""
    done = run_app(tmp_path, stage="prod", **EXAMPLES)
    assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in tmp_path.glob("quiz-prod-*.json"))
    assert {name.split(".")[0] for name in files} == {
        "quiz-prod-analytics",
        "quiz-prod-api",
        "quiz-prod-audit",
        "quiz-prod-data",
        "quiz-prod-failures",
        "quiz-prod-identity",
        "quiz-prod-operations",
    }
    for name in files:
        if not name.endswith(".metadata.json"):  # traces of the calls that made it
            assert (tmp_path / name).read_bytes() == (assembly.folder / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("context", "message"),
    [
        (
            {"stage": "production"},
            (
                "There is no stage 'production': "
                "choose one of dev, staging, prod, local, rehearsal with -c stage=NAME."
            ),
        ),
        (
            {"stage": "prod", **EXAMPLES, "mailSender": ""},
            (
                "Stage 'prod' needs a value for mailSender: set it in cdk.json under "
                "context.stages.prod, or with -c mailSender=VALUE."
            ),
        ),
    ],
)
def test_a_stage_that_cannot_be_fails_the_synthesis_with_one_sentence(
    tmp_path: Path, context: dict[str, str], message: str
) -> None:
    done = run_app(tmp_path, **context)
    assert (done.returncode, done.stderr.strip()) == (1, message)
    assert not list(tmp_path.glob("*.template.json"))


def test_an_unknown_stage_is_refused_before_the_cdk_is_imported(tmp_path: Path) -> None:
    """The CDK takes seconds to import; here it cannot be imported at all."""
    (tmp_path / "aws_cdk.py").write_text("raise SystemExit('aws_cdk was imported')")
    done = run_app(tmp_path, {"PYTHONPATH": str(tmp_path)}, stage="production")
    assert done.stderr.startswith("There is no stage 'production'")
    known = run_app(tmp_path, {"PYTHONPATH": str(tmp_path)}, stage="dev")
    assert known.stderr.strip() == "aws_cdk was imported"


def test_a_finding_that_nobody_acknowledged_fails_the_synthesis(tmp_path: Path) -> None:
    """Rules of either pack."""
    app = new_app(outdir=str(tmp_path))
    stack = cdk.Stack(app, "Careless")
    s3.CfnBucket(stack, "Bucket")
    logs.CfnLogGroup(stack, "Log")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = (tmp_path / "validation-report.json").read_text()
    assert "AwsSolutions-S1" in report
    assert "Serverless-CloudWatchLogGroupRetentionPeriod" in report


@pytest.mark.slow
def test_cfn_lint_finds_nothing(assembly: Assembly, custom: Assembly) -> None:
    """Experimental rules included; W3005 is about dependencies that references imply already."""
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    templates = [
        str(path)
        for folder in (assembly.folder, custom.folder)
        for path in sorted(folder.glob("*.template.json"))
    ]
    done = subprocess.run(
        [cfn_lint, "--include-experimental", "--ignore-checks", "W3005", "--template", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def stacks(assembly: Assembly) -> dict[str, dict[str, Any]]:
    manifest = json.loads((assembly.folder / "manifest.json").read_text())
    assert not manifest.get("missing")  # nothing had to be looked up
    return {
        name: artifact
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }


def test_a_stage_has_the_stacks_of_its_extent(assembly: Assembly) -> None:
    kinds: dict[str, set[str]] = {}
    for name in stacks(assembly):
        _, stage, kind = name.split("-")
        kinds.setdefault(stage, set()).add(kind)
    service = {"data", "audit", "identity", "api", "failures", "analytics"}
    assert kinds == {
        "dev": service | {"operations"},
        "staging": service | {"operations"},
        "prod": service | {"operations"},
        "rehearsal": service,
        "local": {"data"},
    }


def test_templates_know_no_account_and_no_region(assembly: Assembly) -> None:
    environments = {stack["environment"] for stack in stacks(assembly).values()}
    assert environments == {"aws://unknown-account/unknown-region"}


def names_of(template: Template) -> list[str]:
    """Resources that CloudFormation would refuse, or overwrite, if they existed already."""
    names = [
        f"{resource['Type']} {properties[key]}"
        for resource in template.body["Resources"].values()
        for properties in [resource.get("Properties", {})]
        for key in NAMES.get(resource["Type"], ())
        if isinstance(properties.get(key), str)
    ]
    budgets = template.resources("AWS::Budgets::Budget").values()
    exports = [
        output["Export"]["Name"]
        for output in template.body.get("Outputs", {}).values()
        if "Export" in output
    ]
    return [*names, *(f"budget {b['Budget']['BudgetName']}" for b in budgets), *exports]


def test_no_name_is_shared_by_two_stages(assembly: Assembly) -> None:
    seen: dict[str, str] = {}
    for stack, template in assembly.templates.items():
        stage = stack.split("-")[1]
        for name in names_of(template):
            assert seen.setdefault(name, stage) == stage, name
    assert {name.split()[0] for name in seen if name.startswith("AWS::")} == {
        *NAMES
    }  # each kind was looked at


def test_no_name_is_used_twice_in_a_stage(assembly: Assembly) -> None:
    for stack, template in assembly.templates.items():
        names = names_of(template)
        assert len(set(names)) == len(names), stack


def test_every_name_we_give_is_known_to_the_tests_above(assembly: Assembly) -> None:
    """A resource with a name of its own has it checked, or is named only inside its parent."""
    inside = {
        "AWS::ApiGateway::Authorizer",
        "AWS::ApiGateway::Method",
        "AWS::ApiGateway::Model",
        "AWS::ApiGateway::Stage",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::Cognito::UserPoolGroup",
        "AWS::Cognito::UserPoolResourceServer",
        "AWS::IAM::Policy",
        "AWS::Lambda::Alias",
    }
    for template in assembly.templates.values():
        for resource in template.body["Resources"].values():
            named = {
                key
                for key, value in resource.get("Properties", {}).items()
                if key.endswith("Name") and isinstance(value, str)
            } - {"MetricName"}  # an alarm's metric is named by its service
            if resource["Type"] not in inside:
                assert named <= {*NAMES.get(resource["Type"], ())}, resource["Type"]


def tags_of(properties: dict[str, Any], where: str) -> dict[str, str]:
    tags = properties.get(where.removeprefix("/properties/"), {})
    return tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}


@pytest.mark.parametrize("stage", CHOSEN.values(), ids=lambda stage: stage.name)
def test_everything_that_takes_tags_tells_service_stage_owner_and_cost_centre(
    assembly: Assembly, stage: Stage
) -> None:
    """Resource types that take tags, by their schemas."""
    tagged = 0
    for name, template in assembly.templates.items():
        if name.split("-")[1] != stage.name:
            continue
        for resource in template.body["Resources"].values():
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource["Type"])
            tagging = schema.schema.get("tagging", {})
            if not tagging.get("taggable"):
                continue
            tagged += 1
            tags = tags_of(resource.get("Properties", {}), tagging["tagProperty"])
            assert tags == {
                "service": "quiz",
                "stage": stage.name,
                "owner": stage.owner,
                "cost-centre": stage.cost_centre,
            }, resource["Type"]
    assert tagged >= 5


def test_stacks_stay_far_from_the_limit_of_resources(assembly: Assembly) -> None:
    for stack, template in assembly.templates.items():
        assert len(template.body["Resources"]) < RESOURCE_LIMIT / 2, stack


def test_stacks_of_prod_with_state_refuse_to_be_deleted(assembly: Assembly) -> None:
    protected = {
        name
        for name, artifact in stacks(assembly).items()
        if artifact.get("properties", {}).get("terminationProtection")
    }
    assert protected == {f"quiz-prod-{kind}" for kind in ("audit", "data", "failures", "identity")}


@pytest.mark.parametrize("stage", ["dev", "staging", "rehearsal"])
def test_nothing_of_a_passing_stage_outlives_it_but_the_role_of_all_gateways(
    assembly: Assembly, stage: str
) -> None:
    outliving = {
        resource["Type"]
        for name, template in assembly.templates.items()
        if name.split("-")[1] == stage
        for resource in template.body["Resources"].values()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
        and resource["Type"] != "AWS::Lambda::Version"  # goes with its function
    }
    assert outliving == {"AWS::ApiGateway::Account", "AWS::IAM::Role"}


def test_stacks_refer_to_each_other_by_exports_that_cannot_be_pulled_away(
    assembly: Assembly,
) -> None:
    for template in assembly.templates.values():
        assert "Fn::GetStackOutput" not in json.dumps(template.body)
