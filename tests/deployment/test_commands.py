"""A command that cannot go on prints one sentence and exits with 1."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.data_folder import ROOT
from local.errors import CommandError
from ops.deploy.outputs import Outputs

NOWHERE = "http://127.0.0.1:9"


def run(command: str, stage: str, data: Path, **variables: str) -> tuple[int, str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "QUIZ_"))}
    done = subprocess.run(
        [sys.executable, "-m", "ops", command, "--stage", stage],
        cwd=ROOT,
        env=inherited
        | {
            "QUIZ_DATA_DIR": str(data),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_ENDPOINT_URL": NOWHERE,
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_without_a_region(tmp_path: Path) -> None:
    said = "No region is set: set AWS_REGION, or one in the profile.\n"
    assert run("deploy", "dev", tmp_path) == (1, "", said)


def test_without_credentials(tmp_path: Path) -> None:
    said = (
        "There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY.\n"
    )
    for command in ("deploy", "diff", "destroy"):
        assert run(command, "dev", tmp_path, AWS_REGION="eu-central-1") == (1, "", said)


def test_with_credentials_that_lead_nowhere(tmp_path: Path) -> None:
    code, told, said = run(
        "deploy",
        "dev",
        tmp_path,
        AWS_REGION="eu-central-1",
        AWS_ACCESS_KEY_ID="made-up",
        AWS_SECRET_ACCESS_KEY="made-up",  # pragma: allowlist secret
    )
    assert (code, told) == (1, "")
    assert said.startswith("AWS cannot be reached from here (http://127.0.0.1:9")
    assert said.count("\n") == 1


def test_the_laptop_stage_is_not_deployed(tmp_path: Path) -> None:
    said = "The stage 'local' is this machine's: start it with 'make run'.\n"
    assert run("deploy", "local", tmp_path) == (1, "", said)


def test_an_unknown_stage_is_refused_before_anything_else(tmp_path: Path) -> None:
    said = "There is no stage 'nope': choose one of dev, staging, prod, local, rehearsal.\n"
    for command in ("deploy", "diff", "destroy"):
        assert run(command, "nope", tmp_path) == (1, "", said)


STACKS = {
    "quiz-dev-data": {"ExportsOutputRefUsers": "quiz-dev-users"},
    "quiz-dev-identity": {"UserPoolId": "pool", "UserPoolClientId": "client"},
    "quiz-dev-api": {"ApiUrl": "https://api.example.com/", "Region": "eu-central-1"},
}


def test_outputs_are_written_flat_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIZ_DATA_DIR", str(tmp_path))
    outputs = Outputs.of_stacks(STACKS)
    file = outputs.write("dev")
    assert json.loads(file.read_text()) == {
        "apiUrl": "https://api.example.com/",
        "userPoolId": "pool",
        "userPoolClientId": "client",
        "region": "eu-central-1",
    }
    assert Outputs.read("dev") == outputs
    assert [each.name for each in tmp_path.iterdir()] == ["outputs-dev.json"]


def test_outputs_name_the_sign_in_page_of_a_stage_that_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIZ_DATA_DIR", str(tmp_path))
    page = "https://quiz.auth.eu-central-1.amazoncognito.com"
    outputs = Outputs.of_stacks({**STACKS, "quiz-dev-page": {"SignInPageUrl": page}})
    assert json.loads(outputs.write("dev").read_text())["signInPageUrl"] == page
    assert Outputs.read("dev").signInPageUrl == page


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"apiUrl": "https://api.example.com/"}'])
def test_outputs_that_are_none_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("QUIZ_DATA_DIR", str(tmp_path))
    (tmp_path / "outputs-dev.json").write_text(content)
    with pytest.raises(CommandError, match=r"'make deploy STAGE=dev' writes it anew\.$"):
        Outputs.read("dev")
