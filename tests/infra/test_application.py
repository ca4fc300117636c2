import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3

from infra.application import new_app
from infra.stages import STAGES, UnknownStageError, stage_named
from tests.infra.assembly import NO_BUNDLING, Assembly

ROOT = Path(__file__).parents[2]
RESOURCE_LIMIT = (
    500  # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
)


def run_app(outdir: Path, **context: Any) -> subprocess.CompletedProcess[str]:
    """Start app.py as the CLI does."""
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=os.environ
        | {"CDK_OUTDIR": str(outdir), "CDK_CONTEXT_JSON": json.dumps(NO_BUNDLING | context)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_second_synthesis_gives_the_same_bytes(assembly: Assembly, tmp_path: Path) -> None:
    """In another process, by the entry point, and with one stage alone."""
    done = run_app(tmp_path, stage="prod")
    assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in tmp_path.glob("quiz-prod-*.json"))
    assert {name.split(".")[0] for name in files} == {
        "quiz-prod-api",
        "quiz-prod-data",
        "quiz-prod-identity",
    }
    for name in files:
        if not name.endswith(".metadata.json"):  # traces of the calls that made it
            assert (tmp_path / name).read_bytes() == (assembly.folder / name).read_bytes(), name


def test_an_unknown_stage_fails_the_synthesis_with_one_sentence(tmp_path: Path) -> None:
    done = run_app(tmp_path, stage="production")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "There is no stage 'production': "
        "choose one of dev, staging, prod, local with -c stage=NAME."
    )
    assert not list(tmp_path.glob("*.template.json"))


@pytest.mark.parametrize("name", ["", "Prod", "prod ", None, 1, ["prod"]])
def test_a_name_that_is_no_stage_is_refused(name: object) -> None:
    with pytest.raises(UnknownStageError, match="choose one of dev, staging, prod, local"):
        stage_named(name)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_goes_by_its_name(name: str) -> None:
    assert stage_named(name).name == name


def test_a_finding_that_nobody_acknowledged_fails_the_synthesis(tmp_path: Path) -> None:
    app = new_app(outdir=str(tmp_path))
    s3.CfnBucket(cdk.Stack(app, "Careless"), "Bucket")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    assert "AwsSolutions-S1" in (tmp_path / "validation-report.json").read_text()


def test_cfn_lint_finds_nothing(assembly: Assembly) -> None:
    """W3005 is about dependencies that CDK writes out though references imply them."""
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    templates = [str(path) for path in sorted(assembly.folder.glob("*.template.json"))]
    done = subprocess.run(
        [cfn_lint, "--ignore-checks", "W3005", "--template", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_templates_know_no_account_and_no_region(assembly: Assembly) -> None:
    manifest = json.loads((assembly.folder / "manifest.json").read_text())
    stacks = [a for a in manifest["artifacts"].values() if a["type"] == "aws:cloudformation:stack"]
    assert len(stacks) == 3 * len(STAGES)
    assert {stack["environment"] for stack in stacks} == {"aws://unknown-account/unknown-region"}
    assert not manifest.get("missing")


def test_no_name_is_shared_by_two_stages(assembly: Assembly) -> None:
    seen: dict[str, str] = {}
    for stack, template in assembly.templates.items():
        stage = stack.split("-")[1]
        names = [
            properties[key]
            for resource in template.body["Resources"].values()
            for properties in [resource.get("Properties", {})]
            for key in ("TableName", "FunctionName", "UserPoolName", "ClientName", "LogGroupName")
            if isinstance(properties.get(key), str)
        ]
        exports = [
            o["Export"]["Name"] for o in template.body.get("Outputs", {}).values() if "Export" in o
        ]
        for name in names + exports:
            assert seen.setdefault(name, stage) == stage, name


@pytest.mark.parametrize("stage", STAGES)
def test_everything_that_takes_tags_tells_service_and_stage(assembly: Assembly, stage: str) -> None:
    tagged = 0
    for kind in ("api", "data", "identity"):
        for resource in assembly.template(f"quiz-{stage}-{kind}").body["Resources"].values():
            properties = resource.get("Properties", {})
            tags = {t["Key"]: t["Value"] for t in properties.get("Tags", [])}
            tags |= properties.get("UserPoolTags", {})
            if tags:
                tagged += 1
                assert tags == {"service": "quiz", "stage": stage}
    assert tagged > 20


def test_stacks_stay_far_from_the_limit_of_resources(assembly: Assembly) -> None:
    for stack, template in assembly.templates.items():
        assert len(template.body["Resources"]) < RESOURCE_LIMIT / 2, stack


def test_stacks_of_prod_with_state_refuse_to_be_deleted(assembly: Assembly) -> None:
    manifest = json.loads((assembly.folder / "manifest.json").read_text())
    protected = {
        name
        for name, artifact in manifest["artifacts"].items()
        if artifact.get("properties", {}).get("terminationProtection")
    }
    assert protected == {"quiz-prod-data", "quiz-prod-identity"}


def test_stacks_refer_to_each_other_by_exports_that_cannot_be_pulled_away(
    assembly: Assembly,
) -> None:
    for template in assembly.templates.values():
        assert "Fn::GetStackOutput" not in json.dumps(template.body)
