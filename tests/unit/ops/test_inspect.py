"""`make inspect`: a bank described without a stage."""

import json
from pathlib import Path

import pytest

from ops.__main__ import main

GIFT = """$CATEGORY: World History

First {=a ~%50%b}

First! {=a ~c}

An \x1b[2J essay {}
"""


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    file = tmp_path / "bank.gift"
    file.write_text(GIFT + "\n\nq {}" * 30)
    return file


def test_a_bank_is_described(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(bank)]) == 0
    output = capsys.readouterr().out
    assert "bank.gift: GIFT, 33 questions" in output
    assert "        2  world-history" in output
    assert "line 5: nearly the same as line 3 (same text, other choices)" in output
    assert "       31  essay\n    line 7: an essay cannot be graded by choices" in output
    assert "    and 11 more" in output
    assert "\x1b" not in output


def test_json_is_one_object(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(bank), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert list(described) == ["format", "questions", "byType", "importable", "refused", "items"]
    assert (described["questions"], described["importable"]) == (33, 2)
    assert len(described["items"]) == 33


def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deck = tmp_path / "deck.txt"
    deck.write_text("#separator:tab\n#html:true\nfront\tback\n")
    assert main(["inspect", str(deck), "--json"]) == 2
    output = capsys.readouterr()
    assert json.loads(output.out)["format"] == "Anki notes"
    assert "deck.txt is not imported. It is an Anki notes file." in output.err
    assert main(["inspect", str(tmp_path / "absent")]) == 2
    assert "absent cannot be read: No such file or directory." in capsys.readouterr().err
