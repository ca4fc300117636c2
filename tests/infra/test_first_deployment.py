"""A first deployment that fails leaves nothing behind that would make the next one fail."""

from dataclasses import replace
from typing import Any

import pytest

from infra.decisions import EXAMPLES, stage_of_context
from tests.infra.assembly import Assembly
from tests.infra.chosen import CHOSEN
from tests.infra.conftest import synthesize

KEPT_BY_DESIGN = {"AWS::ApiGateway::Account", "AWS::IAM::Role"}
"""The gateway's role for logs serves every API of the region, and has a new name each time."""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    stage = replace(CHOSEN["prod"], first_deployment=True)
    return synthesize(tmp_path_factory.mktemp("cdk.out"), stage)


def test_nothing_but_the_role_of_all_gateways_survives_the_rollback_of_its_creation(
    assembly: Assembly,
) -> None:
    surviving = {
        resource["Type"]
        for template in assembly.templates.values()
        for resource in template.body["Resources"].values()
        if resource.get("DeletionPolicy") == "Retain"
    }
    assert surviving == KEPT_BY_DESIGN


@pytest.mark.slow
def test_nothing_in_a_first_deployment_refuses_to_be_deleted(first: Assembly) -> None:
    for stack, template in first.templates.items():
        for table in template.resources("AWS::DynamoDB::Table").values():
            assert table["DeletionProtectionEnabled"] is False, stack
        for pool in template.resources("AWS::Cognito::UserPool").values():
            assert pool["DeletionProtection"] == "INACTIVE"
    manifest = (first.folder / "manifest.json").read_text(encoding="utf-8")
    assert '"terminationProtection": true' not in manifest


def without_protection(value: Any) -> Any:
    """A template without what protects, so that the rest can be compared."""
    if isinstance(value, dict):
        return {
            key: without_protection(each)
            for key, each in value.items()
            if key not in ("DeletionProtectionEnabled", "DeletionProtection")
        }
    return [without_protection(each) for each in value] if isinstance(value, list) else value


def test_the_second_deployment_changes_the_protection_alone(
    assembly: Assembly, first: Assembly
) -> None:
    for stack, template in first.templates.items():
        assert without_protection(template.body) == without_protection(
            assembly.template(stack).body
        ), stack


def test_only_the_context_of_a_first_deployment_leaves_the_protection_off() -> None:
    context = {"stage": "prod", **EXAMPLES}
    assert stage_of_context(context.get).protected
    assert not stage_of_context((context | {"firstDeployment": "true"}).get).protected
