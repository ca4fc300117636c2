"""How a stage is deployed the first time, with each request checked against the service model."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from local.errors import CommandError
from ops.deploy.stacks import built_assembly, deploy_command, is_first

STACKS = ("quiz-prod-data", "quiz-prod-identity")


def assembly(folder: Path, *, protected: bool) -> Path:
    artifacts = {
        name: {
            "type": "aws:cloudformation:stack",
            "properties": {"terminationProtection": True} if protected else {},
        }
        for name in STACKS
    }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


def cloudformation() -> Any:
    return boto3.client(
        "cloudformation",
        region_name="eu-central-1",
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",  # pragma: allowlist secret
    )


def described(name: str, *, protected: bool) -> dict[str, Any]:
    return {
        "Stacks": [
            {
                "StackName": name,
                "CreationTime": "2026-11-25T00:00:00Z",
                "StackStatus": "CREATE_COMPLETE",
                "EnableTerminationProtection": protected,
            }
        ]
    }


@pytest.mark.parametrize(
    ("protected", "first"),
    [((None, None), True), ((False, None), True), ((False, True), False), ((True,), False)],
)
def test_a_deployment_is_the_first_until_one_stack_is_protected(
    tmp_path: Path, protected: tuple[bool | None, ...], *, first: bool
) -> None:
    """None: the stack does not exist yet, or its creation was rolled back and it was deleted."""
    client = cloudformation()
    with Stubber(client) as stub:
        for name, state in zip(STACKS, protected, strict=False):
            if state is None:
                stub.add_client_error("describe_stacks", "ValidationError")
            else:
                reply = described(name, protected=state)
                stub.add_response("describe_stacks", reply, {"StackName": name})
        assert is_first(assembly(tmp_path, protected=True), client) is first
        stub.assert_no_pending_responses()


def test_a_stage_without_protection_has_no_first_deployment(tmp_path: Path) -> None:
    with Stubber(cloudformation()) as stub:
        assert not is_first(assembly(tmp_path, protected=False), stub.client)


def test_a_stack_that_cannot_be_described_stops_the_deployment(tmp_path: Path) -> None:
    client = cloudformation()
    with Stubber(client) as stub:
        stub.add_client_error("describe_stacks", "AccessDenied")
        with pytest.raises(CommandError, match=r"^Stack quiz-prod-data cannot be described: "):
            is_first(assembly(tmp_path, protected=True), client)


def test_names_that_a_destroyed_stage_left_are_adopted_on_request(tmp_path: Path) -> None:
    assert "--import-existing-resources" in deploy_command(tmp_path, adopt=True)
    assert "--import-existing-resources" not in deploy_command(tmp_path, adopt=False)


def test_a_built_assembly_is_found_and_one_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "prod").mkdir()
    with pytest.raises(CommandError, match=r"prod holds no assembly: run 'make build' first"):
        built_assembly("prod", tmp_path)
    assembly(tmp_path / "prod", protected=True)
    assert built_assembly("prod", tmp_path) == tmp_path / "prod"
