"""Drafts whose texts look alike, or show nothing."""

from typing import Any

import pytest

from domain.look_alikes import as_seen, is_blank
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.contract.errors import ValidationError


def draft(text: str, *answers: str, **other: Any) -> dict[str, Any]:
    choices = [{"text": each, "correct": at == 0} for at, each in enumerate(answers)]
    return {"category": "towns", "text": text, "answers": choices, **other}


def faults(body: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        QuestionDraft.read(body)
    return {fault.field: fault.code for fault in refused.value.faults}


@pytest.mark.parametrize(
    "twin",
    [
        "New Aldmoor ",
        " New Aldmoor",
        "New  Aldmoor",
        "New\u00a0Aldmoor",
        "New\u2003Aldmoor",
        "New Ald\u200bmoor",
        "New Ald\u00admoor",
        "New Ald\u200dmoor",
        "New Aldmoor\ufeff",
        "New\u2060 Aldmoor",
        "\u200eNew Aldmoor",
    ],
)
def test_choices_that_look_alike_are_refused(twin: str) -> None:
    assert faults(draft("Where?", "New Aldmoor", twin)) == {"answers": "DUPLICATE"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Aldmoor", "aldmoor"),
        ("re sign", "resign"),
        ("\N{MAN}\u200d\N{WOMAN}", "\N{MAN}\N{WOMAN}"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627", "\u0645\u06cc\u062e\u0648\u0627"),
    ],
)
def test_choices_that_look_different_are_taken(one: str, other: str) -> None:
    assert as_seen(one) != as_seen(other)
    QuestionDraft.read(draft("Where?", one, other))


@pytest.mark.parametrize("blank", ["\u200b", " \u200b\u00a0", "\u3164", "\u2800", "\u200d\ufe0f"])
def test_text_of_invisible_characters_alone_is_blank(blank: str) -> None:
    assert is_blank(blank)
    assert faults(draft(blank, "a", "b")) == {"text": "INVALID_CHARACTERS"}
    assert faults(draft("Where?", "a", blank)) == {"answers.1.text": "INVALID_CHARACTERS"}


def test_a_choice_that_refers_to_others_is_pinned_unless_the_draft_decides() -> None:
    body = draft("Which?", "Weaving", "Dyeing", "<p>All of the above</p>")
    assert [each.pinned for each in QuestionDraft.read(body).answers] == [False, False, True]
    body["answers"][2]["pinned"] = False
    assert [each.pinned for each in QuestionDraft.read(body).answers] == [False, False, False]
