"""Banks that other people wrote yield what their expectations state.

They are beside the project, not in it; without them these tests are skipped.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from banks.question import BankFileError
from banks.reading import read_bank
from local.data_folder import ROOT

BANKS = ROOT.parent / "shared" / "data" / "banks"
READ = ("aiken", "csv", "gift", "moodle-xml", "opentdb", "xlsx")
REFUSED = ("anki", "qti12", "qti2x", "qti3")

DIFFERENT = {
    # The program that this template belongs to grades several letters as several right answers;
    # the expectations count only the questions with one.
    "moabzomg-template.csv": {"importable": 22},
    # A dialect: all of it is refused, paragraph by paragraph.
    "aiken2mx-extended-aiken.txt": {"questions": 20},
}


def expected(formats: tuple[str, ...]) -> list[Any]:
    found = []
    for folder in formats:
        file = BANKS / folder / "expectations.json"
        if file.exists():
            entries = json.loads(file.read_text())
            names = [name for name in entries if name != "_"]
            found += [pytest.param(BANKS / folder / n, entries[n], id=n) for n in names]
    return found or [pytest.param(None, {}, marks=pytest.mark.skip("no ../shared/data/banks"))]


def shown(text: str) -> str:
    """Return a text without markup and with blanks collapsed."""
    plain = re.sub(r"\\([^\w\s])", r"\1", text).replace("```", "").replace("`", "")
    return " ".join(plain.split())


@pytest.mark.parametrize(("file", "expectation"), expected(READ))
def test_a_bank_is_read_as_expected(file: Path, expectation: dict[str, Any]) -> None:
    importable = expectation.get("importable", {}).get("total", 0)
    importable = DIFFERENT.get(file.name, {}).get("importable", importable)
    questions = DIFFERENT.get(file.name, {}).get("questions", expectation["questions"])
    with file.open("rb") as content:
        try:
            items = list(read_bank(content, file.name))
        except BankFileError:
            assert questions == 0
            return
    taken = [item.question for item in items if item.question]
    assert (len(items), len(taken)) == (questions, importable)
    if "byType" in expectation:
        assert Counter(item.type for item in items) == expectation["byType"]
    for found, sample in zip(taken, expectation.get("samples", []), strict=False):
        assert shown(found.text) == shown(sample["text"])
        answers = [(shown(answer.text), answer.correct) for answer in found.answers]
        assert answers == [(shown(a["text"]), a["correct"]) for a in sample["answers"]]
        if "explanation" in sample:
            assert shown(found.explanation) == shown(sample["explanation"])


@pytest.mark.parametrize(("file", "expectation"), expected(REFUSED))
def test_other_formats_are_refused_by_name(file: Path, expectation: dict[str, Any]) -> None:
    del expectation
    with file.open("rb") as content, pytest.raises(BankFileError) as refused:
        read_bank(content, file.name)
    assert re.match("QTI|Anki|CrowdAnki|ZIP", refused.value.format)
