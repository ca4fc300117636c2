"""Tables made of a report of pytest-benchmark."""

from pathlib import Path

import pytest

from ops.record import write_section
from tests.performance.ratios import claim_table, measured, ratio_table, shown

REPORT = {
    "benchmarks": [
        {
            "group": "POST answer, on the engine",
            "name": "test_answer_on_the_engine[ours]",
            "stats": {"data": [0.002, 0.003, 0.004]},
        },
        {
            "group": "POST answer, on the engine",
            "name": "test_answer_on_the_engine[naive]",
            "stats": {"data": [0.3]},
        },
        {
            "group": "POST answer, over HTTP",
            "name": "test_post_answer",
            "stats": {"data": [0.010]},
        },
    ]
}


def test_the_ratio_is_of_medians_and_only_where_there_are_two() -> None:
    lines = ratio_table(measured(REPORT)).splitlines()
    assert lines[2:] == [
        "| POST answer, on the engine | 3 ms | 300 ms | 100x |",
        "| POST answer, over HTTP | 10 ms |  |  |",
    ]


def test_claims_stand_beside_mean_and_95th_percentile() -> None:
    lines = claim_table(measured(REPORT)).splitlines()
    assert lines[2:] == [
        "| answer processing | 75 / 150 | 3.0 / 4.0 | 37.5x |",
        "| the API, over HTTP | - / 200 | 10.0 / 10.0 | 20.0x |",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (1.5e-5, "15 µs"), (5.58e-7, "558 ns")],
)
def test_a_time_is_told_in_a_unit_that_suits_it(seconds: float, text: str) -> None:
    assert shown(seconds) == text


def test_a_section_is_replaced_between_its_marks_and_stamped(tmp_path: Path) -> None:
    document = tmp_path / "d.md"
    document.write_text("before\n<!-- x: written by a tool -->\nold\n<!-- end of x -->\nafter\n")
    write_section("x", "new", document)
    write_section("x", "newer", document)
    text = document.read_text()
    assert text.startswith("before\n<!-- x: written by a tool -->\nnewer\n\n_Measured on ")
    assert text.endswith("._\n<!-- end of x -->\nafter\n")
    assert "old" not in text


def test_a_section_is_stamped_where_there_is_no_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    document = tmp_path / "d.md"
    document.write_text("<!-- x: written by a tool -->\nold\n<!-- end of x -->\n")
    write_section("x", "new", document)
    assert "unknown._" in document.read_text()


def test_a_section_without_marks_is_refused(tmp_path: Path) -> None:
    document = tmp_path / "d.md"
    document.write_text("<!-- x: written by a tool -->\n")
    with pytest.raises(ValueError, match="no section x"):
        write_section("x", "new", document)
