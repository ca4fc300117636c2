"""`make import` and `make export`: parts of a spool, reports, and wrong calls."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from banks.reading import read_bytes
from lambdas.contract.formats import MAX_ADMIN_BODY_BYTES
from ops.__main__ import main
from ops.bank.importer import REFUSED_BY_STAGE, Fate, Outcome
from ops.bank.spool import Entry, Spool
from ops.bank.terminal import TerminalProgress, table, write_report


def line(number: int, **other: Any) -> str:
    question = {"category": "c", "text": f"{number}?", "choices": ["a", "b"], "correct": [0]}
    return json.dumps(question | other)


def spool(*lines: str) -> Spool:
    return Spool(read_bytes("\n".join(lines).encode(), "bank.jsonl"))


def test_parts_have_at_most_100_questions_and_fit_a_request() -> None:
    with spool(*(line(n) for n in range(250))) as short:
        assert [len(part) for part in short.parts()] == [100, 100, 50]
        assert [[e.place for e in part] for part in short.parts()] == [
            [e.place for e in part] for part in short.parts()
        ]
    with spool(*(line(n, text=f"{n}{'ж' * 3_900}") for n in range(60))) as wide:
        parts = list(wide.parts())
        assert len(parts) > 1
        for part in parts:
            body = {"part": 1_000_000, "questions": [entry.body for entry in part]}
            assert len(json.dumps(body).encode()) <= MAX_ADMIN_BODY_BYTES


def test_equal_content_has_an_equal_digest() -> None:
    with spool(line(1)) as first, spool(line(1)) as second, spool(line(2)) as third:
        assert first.digest == second.digest != third.digest


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("QUIZ_DATA_DIR", str(tmp_path / "data"))

    def write(*lines: str, name: str = "bank.jsonl") -> str:
        file = tmp_path / name
        file.write_text("\n".join(lines))
        return str(file)

    return write


def test_a_dry_run_sends_nothing(
    bank: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", bank(line(1), line(2, correct=[])), "--dry-run"]) == 1
    output = capsys.readouterr().out
    assert "1 can be imported:\n        1  c\n" in output
    assert "bank.jsonl, line 2: no answer is marked as right: mark one" in output
    assert output.endswith("Nothing was sent.\n")
    assert main(["import", bank(line(1)), "--dry-run"]) == 0


def test_a_file_without_a_usable_question_is_not_sent(
    bank: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    without = json.dumps({"text": "q", "choices": ["a", "b"], "correct": [0]})
    assert main(["import", bank(without)]) == 1
    assert "give one for the whole file with CATEGORY=" in capsys.readouterr().out
    assert main(["import", bank("")]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--category", "World History"], "use CATEGORY=world-history."),
        (["--category", "地理"], "not '地理'."),
        (["--category", "quiz-smoke-test"], "is reserved for the smoke test: choose another."),
        (["--stage", "nowhere"], "There is no stage 'nowhere'"),
        (["--stage", "dev"], "outputs-dev.json: deploy the stage from here first"),
        ([], "The stage is not running"),
    ],
)
def test_a_wrong_call_is_one_sentence(
    arguments: list[str],
    sentence: str,
    bank: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["import", bank(line(1)), *arguments]) in (1, 2)
    assert sentence in capsys.readouterr().err


def test_an_unknown_format_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--format", "docx"]) == 2
    assert "Choose a format with FORMAT=: jsonl, csv, gift, moodle-xml." in capsys.readouterr().err


FATES = [
    Fate(Entry("line 1", {"category": "c"}), Outcome.CREATED, "c:000000"),
    Fate(Entry("line 2", None), Outcome.REFUSED, "", "essay", "no, 'this'"),
    Fate(Entry("line 3", {"category": "c"}), Outcome.REFUSED, "", REFUSED_BY_STAGE, "text: taken"),
]


def test_the_report_is_csv(tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    assert write_report(report, Path("a/bank.gift"), FATES) == {"essay": 1, REFUSED_BY_STAGE: 1}
    rows = list(csv.DictReader(io.StringIO(report.read_text(encoding="utf-8-sig"))))
    assert rows[1] == {
        "file": "bank.gift",
        "place": "line 2",
        "outcome": "refused",
        "question_id": "",
        "reason": "essay",
        "message": "no, 'this'",
    }
    assert rows[0]["question_id"] == "c:000000"


def test_the_table_has_a_total_for_several_categories() -> None:
    counts = {"b": Counter({Outcome.CREATED: 1_200}), "": Counter({Outcome.REFUSED: 2})}
    lines = [row.split() for row in table(counts).splitlines()]
    assert lines == [
        ["created", "updated", "unchanged", "duplicate", "refused"],
        ["(not", "sent)", "0", "0", "0", "0", "2"],
        ["b", "1,200", "0", "0", "0", "0"],
        ["all", "1,200", "0", "0", "0", "2"],
    ]
    assert "all" not in table({"b": counts["b"]})


def test_progress_writes_sentences_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with TerminalProgress("bank", 10) as progress:
        progress.staged(0)
        progress.staged(5)
        progress.publishing(3)
        progress.note("One sentence.")
    assert capsys.readouterr() == ("", "One sentence.\n")
