"""Saving questions: each is accepted or rejected by its position in the request."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.banking import (
    LATER,
    NOW,
    assert_problem,
    bank,
    categories,
    get,
    ids,
    retire,
    save,
    statuses,
)
from tests.integration.stage import (
    InvokedStage,
    draft,
    drafts,
)


def faults(result: Mapping[str, Any]) -> dict[str, str]:
    return {fault["field"]: fault["message"] for fault in result["errors"]}


def test_each_question_is_accepted_or_refused_by_its_place(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0), draft("geography", 1))

    results = save(
        stage,
        draft("history", 0),
        draft("geography", 0),
        {**draft("geography", 7), "answers": []},
        draft("geography", 1, explanation="better"),
        draft("geography", 2),
        draft("geography", 2),
        17,
    )

    assert results[2].pop("errors")[0]["field"] == "answers"
    assert results[6].pop("errors")[0]["field"] == "body"
    assert results == [
        {"index": 0, "status": "CREATED", "questionId": "history:000000"},
        {"index": 1, "status": "UNCHANGED", "questionId": "geography:000000"},
        {"index": 2, "status": "REJECTED"},
        {"index": 3, "status": "UPDATED", "questionId": "geography:000001"},
        {"index": 4, "status": "CREATED", "questionId": "geography:000002"},
        {"index": 5, "status": "UNCHANGED", "questionId": "geography:000002"},
        {"index": 6, "status": "REJECTED"},
    ]
    assert categories(stage) == {"geography": 3, "history": 1}


def test_a_question_reads_as_it_was_saved(stage: InvokedStage) -> None:
    body = {
        "category": "law",
        "text": "*Which* of $x^2$ & `<b>`?\n\n1. \N{BRAIN}",
        "type": "MULTIPLE_CHOICE",
        "answers": [
            {"text": "a", "correct": True},
            {"text": "b ", "correct": False},
            {"text": "All of the above", "correct": True, "pinned": True},
        ],
        "explanation": "\\frac{1}{2}",
        "language": "pt-BR",
        "difficulty": 3,
        "tags": ["rivers", "lakes"],
        "externalId": "x/1",
    }
    save(stage, body)
    reply = get(stage, "law:000000")
    assert reply.status == 200
    assert reply.body == {
        **body,
        "questionId": "law:000000",
        "answers": [
            {"text": "a", "correct": True, "pinned": False},
            {"text": "b ", "correct": False, "pinned": False},
            {"text": "All of the above", "correct": True, "pinned": True},
        ],
        "version": 1,
        "retired": False,
        "createdAt": NOW,
        "updatedAt": NOW,
    }


def test_what_is_optional_has_defaults(stage: InvokedStage) -> None:
    answers = [{"text": "a", "correct": True}, {"text": "b", "correct": False}]
    save(stage, {"category": "law", "text": "?", "answers": answers})
    body = get(stage, "law:000000").body
    assert body["type"] == "SINGLE_CHOICE"
    assert (body["explanation"], body["language"], body["tags"]) == ("", "en", [])
    assert "difficulty" not in body
    assert "externalId" not in body


def test_all_faults_of_a_draft_are_reported_together(stage: InvokedStage) -> None:
    (result,) = save(
        stage,
        {
            "category": "Geo Graphy",
            "text": " ",
            "answers": [
                {"text": "a", "correct": True},
                {"text": "b", "correct": True},
                {"text": "a", "correct": False},
            ],
            "explanation": "e" * 4001,
            "language": "English!",
            "difficulty": 6,
            "tags": ["", "ok"],
            "externalId": "",
            "colour": "red",
        },
    )
    assert result["status"] == "REJECTED"
    assert "questionId" not in result
    found = faults(result)
    assert sorted(found) == [
        "answers",
        "category",
        "colour",
        "difficulty",
        "explanation",
        "externalId",
        "language",
        "tags.0",
        "text",
    ]
    # Both faults of the answers: one text twice, two right ones.
    assert "text of its own" in found["answers"]
    assert "not 2" in found["answers"]
    assert bank(stage) == []


def test_answers_are_as_many_and_as_right_as_the_type_says(stage: InvokedStage) -> None:
    def answers(*correct: bool) -> list[dict[str, Any]]:
        return [{"text": f"{n}", "correct": each} for n, each in enumerate(correct)]

    single, multiple = "SINGLE_CHOICE", "MULTIPLE_CHOICE"
    refused = [
        (single, answers(True)),
        (single, answers(False, False)),
        (single, answers(True, True)),
        (single, answers(True, *[False] * 10)),
        (multiple, answers(False, False)),
        (multiple, answers(True, True)),
        (multiple, answers()),
    ]
    taken = [
        (single, answers(True, False)),
        (single, answers(True, *[False] * 9)),
        (multiple, answers(True, False)),
        (multiple, answers(True, True, False)),
    ]
    results = save(
        stage,
        *(
            {"category": "law", "text": f"{n}?", "type": kind, "answers": each}
            for n, (kind, each) in enumerate([*refused, *taken])
        ),
    )
    assert statuses(results) == ["REJECTED"] * 7 + ["CREATED"] * 4
    assert [list(faults(result)) for result in results[:7]] == [["answers"]] * 7


def test_texts_are_as_long_as_the_contract_allows(stage: InvokedStage) -> None:
    long = draft("c" * 48, 0, text="t" * 4000, explanation="e" * 4000)
    long["answers"][1]["text"] = "a" * 1000
    too_long = draft("c" * 49, 0, text="t" * 4001, explanation="e" * 4001)
    too_long["answers"][1]["text"] = "a" * 1001
    results = save(stage, long, too_long)
    assert statuses(results) == ["CREATED", "REJECTED"]
    assert list(faults(results[1])) == ["category", "text", "answers.1.text", "explanation"]


def test_a_request_has_1_to_100_questions(stage: InvokedStage) -> None:
    for questions in ([], drafts("geography", 101)):
        reply = stage.admin("saveQuestions", {"questions": questions})
        assert_problem(reply, 422, "VALIDATION_ERROR")
        assert [fault["field"] for fault in reply.body["errors"]] == ["questions"]
    assert statuses(save(stage, *drafts("geography", 100))) == ["CREATED"] * 100
    assert categories(stage) == {"geography": 100}


def test_a_body_over_256_kb_is_413(stage: InvokedStage) -> None:
    body = {"questions": [draft("geography", n, explanation="e" * 3900) for n in range(70)]}
    assert_problem(stage.admin("saveQuestions", body), 413, "BODY_TOO_LARGE")


def test_the_same_content_in_a_category_is_one_question(stage: InvokedStage) -> None:
    first = draft("geography", 0)
    spaced = {**first, "text": "  geography \n 0?"}
    reordered = {**first, "answers": first["answers"][::-1]}
    composed = draft("geography", 1, text="Caf\N{LATIN SMALL LETTER E WITH ACUTE}?")
    decomposed = draft("geography", 1, text="Cafe\N{COMBINING ACUTE ACCENT}?")
    elsewhere = {**first, "category": "history"}

    results = save(stage, first, first, composed, decomposed, elsewhere)
    assert statuses(results) == ["CREATED", "UNCHANGED", "CREATED", "UNCHANGED", "CREATED"]
    assert ids(results)[1] == ids(results)[0]
    assert ids(results)[3] == ids(results)[2]
    for again in (spaced, reordered):
        (result,) = save(stage, again)
        assert (result["status"], result["questionId"]) in (
            ("UPDATED", "geography:000000"),
            ("UNCHANGED", "geography:000000"),
        )
    assert categories(stage) == {"geography": 2, "history": 1}


def test_a_question_given_twice_with_a_difference_is_refused_the_second_time(
    stage: InvokedStage,
) -> None:
    first = draft("geography", 0)
    results = save(stage, first, {**first, "explanation": "other"})
    assert statuses(results) == ["CREATED", "REJECTED"]
    assert list(faults(results[1])) == ["text"]
    assert get(stage, "geography:000000").body["explanation"] == "because 0"


def test_an_external_id_finds_its_question_whatever_the_content(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0, externalId="x"))
    stage.clock.advance(10_000)
    (result,) = save(stage, draft("geography", 9, externalId="x"))
    assert result == {"index": 0, "status": "UPDATED", "questionId": "geography:000000"}
    body = get(stage, "geography:000000").body
    assert (body["text"], body["version"]) == ("geography 9?", 2)
    assert (body["createdAt"], body["updatedAt"]) == (NOW, LATER)
    assert categories(stage) == {"geography": 1}


def test_content_that_a_question_gave_up_is_free(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0, externalId="x"))
    save(stage, draft("geography", 9, externalId="x"))
    results = save(stage, draft("geography", 0), draft("geography", 9))
    assert statuses(results) == ["CREATED", "UNCHANGED"]
    assert ids(results) == ["geography:000001", "geography:000000"]


def test_an_external_id_belongs_to_its_category(stage: InvokedStage) -> None:
    results = save(
        stage, draft("geography", 0, externalId="x"), draft("history", 0, externalId="x")
    )
    assert statuses(results) == ["CREATED", "CREATED"]


def test_a_question_known_by_its_content_keeps_its_external_id(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0, externalId="x"), draft("geography", 1))
    results = save(stage, draft("geography", 0), draft("geography", 1, externalId="y"))
    assert statuses(results) == ["UNCHANGED", "UPDATED"]
    assert [question["externalId"] for question in bank(stage)] == ["x", "y"]
    # The one given later finds it from now on.
    (result,) = save(stage, draft("geography", 5, externalId="y"))
    assert (result["status"], result["questionId"]) == ("UPDATED", "geography:000001")


def test_an_external_id_does_not_take_another_questions_content(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0, externalId="x"), draft("geography", 1))
    (result,) = save(stage, draft("geography", 1, externalId="x"))
    assert result["status"] == "REJECTED"
    assert list(faults(result)) == ["text"]
    assert "geography:000001" in faults(result)["text"]
    assert get(stage, "geography:000000").body["text"] == "geography 0?"


def test_content_taken_by_an_update_is_not_created_again_in_the_same_request(
    stage: InvokedStage,
) -> None:
    save(stage, draft("geography", 0, externalId="x"))
    results = save(stage, draft("geography", 9, externalId="x"), draft("geography", 9))
    assert statuses(results) == ["UPDATED", "UNCHANGED"]
    assert categories(stage) == {"geography": 1}


def test_correcting_an_answer_key_updates_in_place_as_a_new_version(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0))
    corrected = draft("geography", 0)
    corrected["answers"][0]["correct"], corrected["answers"][1]["correct"] = False, True
    (result,) = save(stage, corrected)
    assert result == {"index": 0, "status": "UPDATED", "questionId": "geography:000000"}
    body = get(stage, "geography:000000").body
    assert body["version"] == 2
    assert [answer["correct"] for answer in body["answers"]] == [False, True, False, False]
    assert categories(stage) == {"geography": 1}


@pytest.mark.parametrize(
    "change",
    [{"tags": ["new"]}, {"difficulty": 5}, {"explanation": "clearer"}, {"language": "de"}],
    ids=str,
)
def test_a_change_of_what_is_neither_shown_nor_graded_keeps_the_version(
    stage: InvokedStage, change: Mapping[str, object]
) -> None:
    save(stage, draft("geography", 0))
    stage.clock.advance(10_000)
    assert statuses(save(stage, draft("geography", 0, **change))) == ["UPDATED"]
    body = get(stage, "geography:000000").body
    assert (body["version"], body["updatedAt"]) == (1, LATER)
    assert {name: body[name] for name in change} == change


def test_an_unchanged_question_keeps_its_time(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0))
    stage.clock.advance(10_000)
    assert statuses(save(stage, draft("geography", 0))) == ["UNCHANGED"]
    assert get(stage, "geography:000000").body["updatedAt"] == NOW


def test_saving_a_retired_question_puts_it_in_use_again(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 3))
    retire(stage, "geography:000001")
    assert categories(stage) == {"geography": 2}
    (result,) = save(stage, draft("geography", 1))
    assert result == {"index": 0, "status": "UPDATED", "questionId": "geography:000001"}
    assert categories(stage) == {"geography": 3}
    body = get(stage, "geography:000001").body
    assert (body["retired"], body["version"]) == (False, 1)


def test_a_hundred_updates_are_saved_together(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 100))
    results = save(stage, *(draft("geography", n, tags=["t"]) for n in range(100)))
    assert statuses(results) == ["UPDATED"] * 100
    assert all(question["tags"] == ["t"] for question in bank(stage))
    # The lease is over: another writer may begin at once.
    assert retire(stage, "geography:000000").status == 204
