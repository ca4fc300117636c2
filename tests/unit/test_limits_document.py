"""docs/limits.md: every limit in the table of what grows names a test that exists."""

import re

from local.data_folder import ROOT

HEAD = "| item or attribute | grows with | limit | at the limit | test |"


def rows() -> list[list[str]]:
    document = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    assert document.count("\n## What grows, and its limit\n") == 1
    _, _, table = document.partition(f"{HEAD}\n")
    lines = table.partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_limit_names_a_test_that_exists() -> None:
    paths = list((ROOT / "tests").rglob("test_*.py"))
    for item, *_, tests in rows():
        named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", tests)
        assert named, f"{item} names no test"
        for file, test in named:
            texts = [path.read_text(encoding="utf-8") for path in paths if path.name == file]
            assert any(f"\ndef {test}(" in text for text in texts), f"{item}: no {file}::{test}"


def test_every_table_of_the_data_has_a_limit() -> None:
    items = " ".join(item for item, *_ in rows())
    for table in ("Sessions", "WrongAnswers", "Users", "Progress"):
        assert f"({table})" in items
