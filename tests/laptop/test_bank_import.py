"""`make import` and `make export` beside a running stage."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from banks.writing import WRITERS
from local.data_folder import DataFolder
from ops.bank.program import ENDINGS
from tests.support.stage_process import StageProcess, run_program

GIFT = """\
$CATEGORY: dales

Which is highest? {=Top ~Bottom}

Is it high? {T}

Which is highest? {=Top ~Bottom}

Why? {}
"""


@pytest.fixture
def folder(new_data: Callable[[], DataFolder]) -> Path:
    return new_data().path


def rows_of(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


@pytest.mark.slow
def test_a_bank_goes_in_and_comes_out_in_every_format(stage: StageProcess, folder: Path) -> None:
    bank = folder / "bank.gift"
    bank.write_text(GIFT)
    done = run_program("import", stage.data, str(bank))
    assert done.returncode == 1
    assert ["dales", "2", "0", "0", "1", "0"] in rows_of(done.stdout)
    assert "bank.gift, line 9: an essay cannot be graded by choices" in done.stdout
    report = (stage.data.path / "import-local.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(report.splitlines()))
    assert [row["outcome"] for row in rows] == ["created", "created", "duplicate", "refused"]

    for name in WRITERS:
        file = folder / f"export{ENDINGS[name]}"
        written = run_program(
            "export", stage.data, "--category", "dales", "--format", name, "--file", str(file)
        )
        assert written.stdout == f"{file}\n", written.stderr
        again = run_program("import", stage.data, str(file))
        assert again.returncode == 0, again.stdout + again.stderr
        assert ["dales", "0", "0", "2", "0", "0"] in rows_of(again.stdout)


def test_exporting_nothing_leaves_no_file(stage: StageProcess, folder: Path) -> None:
    file = folder / "none.jsonl"
    done = run_program("export", stage.data, "--category", "no-such", "--file", str(file))
    assert done.returncode == 1
    assert done.stderr == "The stage has no questions in no-such.\n"
    assert not list(folder.glob("none*"))


def test_json_lines_of_both_forms(stage: StageProcess, folder: Path) -> None:
    bank = folder / "bank.jsonl"
    first = {"text": "one?", "choices": ["a", "b"], "correct": [0]}
    second = {
        "text": "two?",
        "answers": [{"text": "a", "correct": True}, {"text": "b", "correct": False}],
    }
    bank.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    done = run_program("import", stage.data, str(bank), "--category", "both-forms")
    assert done.returncode == 0, done.stderr
    assert ["both-forms", "2", "0", "0", "0", "0"] in rows_of(done.stdout)
