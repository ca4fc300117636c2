"""The operator's command line: how it names a stage, and how it ends."""

import re

import pytest

from local.data_folder import ROOT
from ops.__main__ import main, operate

WITHOUT_STAGE = {"inspect", "lab", "openapi", "tables", "vulnerabilities"}
"""Commands about files, which are the same at every stage."""


def test_every_command_but_those_about_files_takes_a_stage() -> None:
    for name, command in operate.commands.items():
        options = {option.name: option for option in command.params}
        assert ("stage" in options) == (name not in WITHOUT_STAGE), name
        assert name in WITHOUT_STAGE or options["stage"].envvar == "STAGE"


def test_make_refuses_a_stage_for_every_other_target() -> None:
    (listed,) = re.findall(r"^STAGED := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(listed.split()) == operate.commands.keys() - WITHOUT_STAGE | {"synth"}


@pytest.mark.parametrize("arguments", [["run"], ["reset"]])
def test_a_command_for_this_machine_refuses_a_deployed_stage(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAGE", "prod")
    assert main(arguments) == 1
    sentence = "works on this machine alone, and STAGE is prod: leave STAGE out."
    assert capsys.readouterr() == ("", f"'make {arguments[0]}' {sentence}\n")


@pytest.mark.parametrize("command", ["deploy", "diff", "destroy"])
def test_a_command_for_deployed_stages_refuses_this_machines(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--stage", "local"]) == 1
    sentence = "The stage 'local' is this machine's: start it with 'make run'.\n"
    assert capsys.readouterr() == ("", sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense"], "No such command 'nonsense'.\n"),
        (["token"], "Missing option '--user'.\n"),
        (["smoke", "--nonsense"], "No such option '--nonsense'.\n"),
    ],
)
def test_a_wrong_call_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", sentence)


def test_a_token_of_a_deployed_stage_has_the_groups_that_the_stage_keeps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["token", "--user", "ada", "--groups", "admin", "--stage", "dev"]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("Stage dev keeps the groups of its users: leave GROUPS out")
    assert errors.count("\n") == 1
