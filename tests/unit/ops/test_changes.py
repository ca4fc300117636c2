"""Changes that would lose data or fail midway, found before a deployment."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from local.errors import CommandError
from ops.deploy.changes import ALSO_REPLACING, CREATE_ONLY, lost_data, require_safe_changes
from tests.unit.ops.stubs import stubbed

TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Users": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "quiz-dev-users",
                "KeySchema": [{"AttributeName": "userId", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
        "Pool": {
            "Type": "AWS::Cognito::UserPool",
            "Properties": {"UsernameAttributes": ["email"], "MfaConfiguration": "OPTIONAL"},
        },
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "f"}},
    },
    "Outputs": {"Out": {"Value": "x", "Export": {"Name": "quiz-dev-data:Users"}}},
}


def changed(name: str, **properties: Any) -> dict[str, Any]:
    template = deepcopy(TEMPLATE)
    template["Resources"][name]["Properties"] |= properties
    return template


def without(name: str) -> dict[str, Any]:
    template = deepcopy(TEMPLATE)
    del template["Resources"][name]
    return template


@pytest.mark.parametrize("kind", CREATE_ONLY)
def test_the_properties_are_those_of_the_schemas(kind: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    listed = {path.rpartition("/")[2] for path in schema.get("createOnlyProperties") or ()}
    assert set(CREATE_ONLY[kind]) == listed
    conditional = {
        path.rpartition("/")[2] for path in schema.get("conditionalCreateOnlyProperties") or ()
    }
    assert conditional <= set(ALSO_REPLACING.get(kind, ()))
    assert set(ALSO_REPLACING.get(kind, ())) <= set(schema["properties"])


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        (changed("Users", TableName="other"), "Users would be replaced by an empty one, as TableN"),
        (changed("Users", KeySchema=[]), "Users would be replaced by an empty one, as KeySchema c"),
        (changed("Pool", UsernameAttributes=[]), "Pool would be replaced by an empty one"),
        (without("Users"), "AWS::DynamoDB::Table Users would be removed, with its data"),
        (without("Pool"), "AWS::Cognito::UserPool Pool would be removed, with its data"),
    ],
)
def test_a_replacement_or_removal_of_data_is_found(new: dict[str, Any], problem: str) -> None:
    (found,) = lost_data("quiz-dev-data", TEMPLATE, new)
    assert problem in found
    assert "docs/deployment.md" in found


@pytest.mark.parametrize(
    "new",
    [
        TEMPLATE,
        changed("Users", BillingMode="PROVISIONED"),
        changed("Pool", MfaConfiguration="ON"),
        changed("Function", FunctionName="g"),
        without("Function"),
    ],
)
def test_other_changes_are_safe(new: dict[str, Any]) -> None:
    assert list(lost_data("quiz-dev-data", TEMPLATE, new)) == []


def assembly(folder: Path, template: dict[str, Any]) -> Path:
    (folder / "quiz-dev-data.template.json").write_text(json.dumps(template))
    return folder


def test_an_export_in_use_is_not_removed(tmp_path: Path) -> None:
    new = {**TEMPLATE, "Outputs": {}}
    with stubbed("cloudformation") as (client, stub):
        stub.add_response(
            "get_template",
            {"TemplateBody": json.dumps(TEMPLATE)},
            {"StackName": "quiz-dev-data", "TemplateStage": "Original"},
        )
        stub.add_response(
            "list_imports", {"Imports": ["quiz-dev-api"]}, {"ExportName": "quiz-dev-data:Users"}
        )
        with pytest.raises(CommandError, match="Users would go while quiz-dev-api imports it"):
            require_safe_changes("dev", assembly(tmp_path, new), client)


def test_an_export_that_nobody_imports_may_go(tmp_path: Path) -> None:
    with stubbed("cloudformation") as (client, stub):
        stub.add_response("get_template", {"TemplateBody": json.dumps(TEMPLATE)})
        stub.add_client_error("list_imports", "ValidationError")
        require_safe_changes("dev", assembly(tmp_path, {**TEMPLATE, "Outputs": {}}), client)


def test_a_first_deployment_changes_nothing(tmp_path: Path) -> None:
    with stubbed("cloudformation") as (client, stub):
        stub.add_client_error("get_template", "ValidationError")
        require_safe_changes("dev", assembly(tmp_path, TEMPLATE), client)


def test_what_cannot_be_compared_stops_the_deployment(tmp_path: Path) -> None:
    with stubbed("cloudformation") as (client, stub):
        stub.add_client_error("get_template", "AccessDenied")
        with pytest.raises(CommandError, match=r"^The template of quiz-dev-data cannot be read: "):
            require_safe_changes("dev", assembly(tmp_path, TEMPLATE), client)
