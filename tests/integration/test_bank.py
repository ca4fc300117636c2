"""The bank: saved by place, visible together, one writer at a time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from lambdas.questions.bank_writer import LEASE
from lambdas.shared.store.transaction import Transactions
from tests.integration.stage import (
    Reply,
    Stage,
    draft,
    drafts,
    refuses,
    response_lost,
)

NOW, LATER = "2026-09-21T14:13:20.000Z", "2026-09-21T14:13:30.000Z"
PUBLISHING = "REMOVE stagedSize, stagedActive, stagedBy, holder"


def save(stage: Stage, *questions: object) -> list[Any]:
    """Save questions; return the results, in order."""
    reply = stage.admin("saveQuestions", {"questions": questions})
    assert reply.status == 200, reply.body
    assert [result["index"] for result in reply.body["results"]] == [*range(len(questions))]
    return list(reply.body["results"])


def statuses(results: Sequence[Any]) -> list[str]:
    return [result["status"] for result in results]


def ids(results: Sequence[Any]) -> list[str]:
    return [result["questionId"] for result in results]


def get(stage: Stage, question_id: str) -> Reply:
    return stage.admin("getBankQuestion", path={"questionId": question_id})


def put(stage: Stage, question_id: str, body: Mapping[str, Any]) -> Reply:
    return stage.admin("replaceQuestion", body, path={"questionId": question_id})


def retire(stage: Stage, question_id: str) -> Reply:
    return stage.admin("retireQuestion", path={"questionId": question_id})


def page(stage: Stage, **query: str) -> Any:
    reply = stage.admin("listQuestions", query=query)
    assert reply.status == 200, reply.body
    return reply.body


def pages(stage: Stage, **query: str) -> list[list[Any]]:
    found = []
    while True:
        body = page(stage, **query)
        found.append(body["questions"])
        if "nextToken" not in body:
            return found
        query["nextToken"] = body["nextToken"]


def bank(stage: Stage) -> list[Any]:
    """Return the whole bank as administrators see it."""
    return [question for some in pages(stage, limit="100") for question in some]


def categories(stage: Stage) -> dict[str, int]:
    body = stage.call("listCategories").body
    return {entry["category"]: entry["questionCount"] for entry in body["categories"]}


def faults(result: Mapping[str, Any]) -> dict[str, str]:
    return {fault["field"]: fault["message"] for fault in result["errors"]}


def assert_problem(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.body["status"], reply.body["code"]) == (status, status, code)
    assert reply.headers["Content-Type"] == "application/problem+json"


def assert_unavailable(reply: Reply, seconds: str = "1") -> None:
    assert_problem(reply, 503, "UNAVAILABLE")
    assert reply.headers["Retry-After"] == seconds


# Save


def test_each_question_is_accepted_or_refused_by_its_place(stage: Stage) -> None:
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


def test_a_question_reads_as_it_was_saved(stage: Stage) -> None:
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


def test_what_is_optional_has_defaults(stage: Stage) -> None:
    answers = [{"text": "a", "correct": True}, {"text": "b", "correct": False}]
    save(stage, {"category": "law", "text": "?", "answers": answers})
    body = get(stage, "law:000000").body
    assert body["type"] == "SINGLE_CHOICE"
    assert (body["explanation"], body["language"], body["tags"]) == ("", "en", [])
    assert "difficulty" not in body
    assert "externalId" not in body


def test_all_faults_of_a_draft_are_reported_together(stage: Stage) -> None:
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


def test_answers_are_as_many_and_as_right_as_the_type_says(stage: Stage) -> None:
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


def test_texts_are_as_long_as_the_contract_allows(stage: Stage) -> None:
    long = draft("c" * 48, 0, text="t" * 4000, explanation="e" * 4000)
    long["answers"][1]["text"] = "a" * 1000
    too_long = draft("c" * 49, 0, text="t" * 4001, explanation="e" * 4001)
    too_long["answers"][1]["text"] = "a" * 1001
    results = save(stage, long, too_long)
    assert statuses(results) == ["CREATED", "REJECTED"]
    assert list(faults(results[1])) == ["category", "text", "answers.1.text", "explanation"]


def test_a_request_has_1_to_100_questions(stage: Stage) -> None:
    for questions in ([], drafts("geography", 101)):
        reply = stage.admin("saveQuestions", {"questions": questions})
        assert_problem(reply, 422, "VALIDATION_ERROR")
        assert [fault["field"] for fault in reply.body["errors"]] == ["questions"]
    assert statuses(save(stage, *drafts("geography", 100))) == ["CREATED"] * 100
    assert categories(stage) == {"geography": 100}


def test_a_body_over_256_kb_is_413(stage: Stage) -> None:
    body = {"questions": [draft("geography", n, explanation="e" * 3900) for n in range(70)]}
    assert_problem(stage.admin("saveQuestions", body), 413, "BODY_TOO_LARGE")


def test_the_same_content_in_a_category_is_one_question(stage: Stage) -> None:
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
    stage: Stage,
) -> None:
    first = draft("geography", 0)
    results = save(stage, first, {**first, "explanation": "other"})
    assert statuses(results) == ["CREATED", "REJECTED"]
    assert list(faults(results[1])) == ["text"]
    assert get(stage, "geography:000000").body["explanation"] == "because 0"


def test_an_external_id_finds_its_question_whatever_the_content(stage: Stage) -> None:
    save(stage, draft("geography", 0, externalId="x"))
    stage.clock.advance(10_000)
    (result,) = save(stage, draft("geography", 9, externalId="x"))
    assert result == {"index": 0, "status": "UPDATED", "questionId": "geography:000000"}
    body = get(stage, "geography:000000").body
    assert (body["text"], body["version"]) == ("geography 9?", 2)
    assert (body["createdAt"], body["updatedAt"]) == (NOW, LATER)
    assert categories(stage) == {"geography": 1}


def test_content_that_a_question_gave_up_is_free(stage: Stage) -> None:
    save(stage, draft("geography", 0, externalId="x"))
    save(stage, draft("geography", 9, externalId="x"))
    results = save(stage, draft("geography", 0), draft("geography", 9))
    assert statuses(results) == ["CREATED", "UNCHANGED"]
    assert ids(results) == ["geography:000001", "geography:000000"]


def test_an_external_id_belongs_to_its_category(stage: Stage) -> None:
    results = save(
        stage, draft("geography", 0, externalId="x"), draft("history", 0, externalId="x")
    )
    assert statuses(results) == ["CREATED", "CREATED"]


def test_a_question_known_by_its_content_keeps_its_external_id(stage: Stage) -> None:
    save(stage, draft("geography", 0, externalId="x"), draft("geography", 1))
    results = save(stage, draft("geography", 0), draft("geography", 1, externalId="y"))
    assert statuses(results) == ["UNCHANGED", "UPDATED"]
    assert [question["externalId"] for question in bank(stage)] == ["x", "y"]
    # The one given later finds it from now on.
    (result,) = save(stage, draft("geography", 5, externalId="y"))
    assert (result["status"], result["questionId"]) == ("UPDATED", "geography:000001")


def test_an_external_id_does_not_take_another_questions_content(stage: Stage) -> None:
    save(stage, draft("geography", 0, externalId="x"), draft("geography", 1))
    (result,) = save(stage, draft("geography", 1, externalId="x"))
    assert result["status"] == "REJECTED"
    assert list(faults(result)) == ["text"]
    assert "geography:000001" in faults(result)["text"]
    assert get(stage, "geography:000000").body["text"] == "geography 0?"


def test_content_taken_by_an_update_is_not_created_again_in_the_same_request(
    stage: Stage,
) -> None:
    save(stage, draft("geography", 0, externalId="x"))
    results = save(stage, draft("geography", 9, externalId="x"), draft("geography", 9))
    assert statuses(results) == ["UPDATED", "UNCHANGED"]
    assert categories(stage) == {"geography": 1}


def test_correcting_an_answer_key_updates_in_place_as_a_new_version(stage: Stage) -> None:
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
    stage: Stage, change: Mapping[str, object]
) -> None:
    save(stage, draft("geography", 0))
    stage.clock.advance(10_000)
    assert statuses(save(stage, draft("geography", 0, **change))) == ["UPDATED"]
    body = get(stage, "geography:000000").body
    assert (body["version"], body["updatedAt"]) == (1, LATER)
    assert {name: body[name] for name in change} == change


def test_an_unchanged_question_keeps_its_time(stage: Stage) -> None:
    save(stage, draft("geography", 0))
    stage.clock.advance(10_000)
    assert statuses(save(stage, draft("geography", 0))) == ["UNCHANGED"]
    assert get(stage, "geography:000000").body["updatedAt"] == NOW


def test_saving_a_retired_question_puts_it_in_use_again(stage: Stage) -> None:
    save(stage, *drafts("geography", 3))
    retire(stage, "geography:000001")
    assert categories(stage) == {"geography": 2}
    (result,) = save(stage, draft("geography", 1))
    assert result == {"index": 0, "status": "UPDATED", "questionId": "geography:000001"}
    assert categories(stage) == {"geography": 3}
    body = get(stage, "geography:000001").body
    assert (body["retired"], body["version"]) == (False, 1)


def test_a_hundred_updates_are_saved_together(stage: Stage) -> None:
    save(stage, *drafts("geography", 100))
    results = save(stage, *(draft("geography", n, tags=["t"]) for n in range(100)))
    assert statuses(results) == ["UPDATED"] * 100
    assert all(question["tags"] == ["t"] for question in bank(stage))
    # The lease is over: another writer may begin at once.
    assert retire(stage, "geography:000000").status == 204


# Visible together


def test_nothing_is_visible_before_it_is_published(stage: Stage) -> None:
    """A reader between the writing of questions and their publishing."""
    save(stage, *drafts("geography", 2))
    seen: list[Any] = []

    def look(_: AWSPreparedRequest) -> None:
        if not seen:
            seen.append(True)
            seen[0] = (bank(stage), categories(stage), get(stage, "geography:000002").status)

    before = bank(stage)
    written = "geography 60?"
    questions = [draft("geography", n) for n in range(2, 62)] + drafts("history", 3)
    with stage.fault("TransactWriteItems", look, within=PUBLISHING):
        results = save(stage, *questions)

    assert seen == [(before, {"geography": 2}, 404)]
    assert statuses(results) == ["CREATED"] * 63
    assert categories(stage) == {"geography": 62, "history": 3}
    assert written in {question["text"] for question in bank(stage)}


def test_when_publishing_fails_nothing_is_visible_and_a_repeat_leaves_no_hole(
    stage: Stage,
) -> None:
    save(stage, *drafts("geography", 2))
    before = bank(stage)
    body = {
        "questions": [
            draft("geography", 1, tags=["new"]),
            *(draft("geography", n) for n in range(2, 42)),
            *drafts("history", 3),
        ]
    }
    broken = refuses("InternalServerError", 500)
    with stage.fault("TransactWriteItems", broken, times=3, within=PUBLISHING) as met:
        assert_unavailable(stage.admin("saveQuestions", body))
    assert len(met) == 3

    assert bank(stage) == before
    assert categories(stage) == {"geography": 2}
    assert get(stage, "geography:000002").status == 404
    assert get(stage, "history:000000").status == 404
    unknown = stage.call("startSession", {"sources": [{"category": "history"}]})
    assert unknown.status == 422

    again = stage.admin("saveQuestions", body).body["results"]
    assert statuses(again) == ["UPDATED"] + ["CREATED"] * 43
    assert categories(stage) == {"geography": 42, "history": 3}
    geography = [f"geography:{n:06d}" for n in range(42)]
    history = [f"history:{n:06d}" for n in range(3)]
    assert [question["questionId"] for question in bank(stage)] == [*geography, *history]


def test_what_a_failed_writer_left_behind_is_written_over(stage: Stage) -> None:
    broken = refuses("InternalServerError", 500)
    with stage.fault("TransactWriteItems", broken, times=3, within=PUBLISHING):
        reply = stage.admin("saveQuestions", {"questions": drafts("geography", 5)})
        assert_unavailable(reply)
    others = [draft("geography", n) for n in (8, 9)]
    assert ids(save(stage, *others)) == ["geography:000000", "geography:000001"]

    results = save(stage, *drafts("geography", 5), *others)

    assert statuses(results) == ["CREATED"] * 5 + ["UNCHANGED"] * 2
    texts = [question["text"] for question in bank(stage)]
    assert texts == [f"geography {n}?" for n in (8, 9, 0, 1, 2, 3, 4)]
    assert categories(stage) == {"geography": 7}


def test_a_save_whose_response_was_lost_is_done_once(stage: Stage) -> None:
    with stage.fault("TransactWriteItems", response_lost, times=1, within=PUBLISHING):
        assert statuses(save(stage, *drafts("geography", 3))) == ["CREATED"] * 3
    assert categories(stage) == {"geography": 3}


def test_a_save_nobody_heard_of_is_503_and_a_repeat_finds_it_done(stage: Stage) -> None:
    body = {"questions": drafts("geography", 3)}
    with stage.fault("TransactWriteItems", response_lost, times=3, within=PUBLISHING):
        assert_unavailable(stage.admin("saveQuestions", body))
    assert statuses(save(stage, *drafts("geography", 3))) == ["UNCHANGED"] * 3


# One writer


class KilledError(BaseException):
    """The process dies."""


def test_another_writer_is_waited_for_and_then_told_as_503(stage: Stage) -> None:
    save(stage, *drafts("geography", 2))
    stage.hold("geography", 6_500)
    before = stage.everything()
    writes: Mapping[str, Callable[[], Reply]] = {
        "save": lambda: stage.admin("saveQuestions", {"questions": [draft("geography", 7)]}),
        "replace": lambda: put(stage, "geography:000000", draft("geography", 8)),
        "retire": lambda: retire(stage, "geography:000001"),
    }
    for name, write in writes.items():
        pauses = stage.pauses()
        reply = write()
        assert_unavailable(reply, "7")
        assert "The category geography is held by another writer" in reply.body["detail"], name
        assert len(pauses) == 4
        assert sum(pauses) < 2
    assert stage.everything() == before


def test_a_writer_waits_for_one_that_is_soon_done(stage: Stage) -> None:
    database, categories = stage.services.database, stage.services.categories
    stage.save(draft("geography", 7))
    stage.hold("geography", LEASE)
    waited = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            entry = categories.many(["geography"])["geography"]
            Transactions(database).write([categories.release(entry, "other")])

    stage.services.transactions = Transactions(database, pause)
    assert statuses(save(stage, draft("geography", 0))) == ["CREATED"]
    assert len(waited) == 2


def test_readers_do_not_wait_for_a_writer(stage: Stage) -> None:
    save(stage, *drafts("geography", 2))
    stage.hold("geography", LEASE)
    pauses = stage.pauses()
    assert len(bank(stage)) == 2
    assert categories(stage) == {"geography": 2}
    assert stage.question(stage.start({"category": "geography"}))["question"]
    assert pauses == []


def test_the_lease_of_a_writer_that_died_is_taken_over_when_it_ends(stage: Stage) -> None:
    save(stage, *drafts("geography", 2))

    def dies(_: AWSPreparedRequest) -> None:
        raise KilledError

    with (
        stage.fault("TransactWriteItems", dies, within=PUBLISHING),
        pytest.raises(KilledError),
    ):
        save(stage, draft("geography", 2), draft("geography", 3))
    stage.pauses()
    questions = {"questions": [draft("geography", 9)]}
    stage.clock.advance(LEASE - 1)
    assert_unavailable(stage.admin("saveQuestions", questions))
    stage.clock.advance(1)
    assert ids(save(stage, draft("geography", 9))) == ["geography:000002"]
    texts = [question["text"] for question in bank(stage)]
    assert texts == ["geography 0?", "geography 1?", "geography 9?"]


def overtaken(stage: Stage) -> Callable[[AWSPreparedRequest], None]:
    """A fault: just before the request, the lease ends and another writer takes it."""
    done: list[bool] = []

    def overtake(_: AWSPreparedRequest) -> None:
        if not done:
            done.append(True)
            stage.clock.advance(LEASE)
            stage.hold("geography", LEASE)

    return overtake


WRITES: Mapping[str, Callable[[Stage], Reply]] = {
    "new questions": lambda stage: stage.admin(
        "saveQuestions", {"questions": [draft("geography", n) for n in range(200, 240)]}
    ),
    "new questions and updates": lambda stage: stage.admin(
        "saveQuestions",
        {"questions": [draft("geography", 200), draft("geography", 1, tags=["new"])]},
    ),
    "an update": lambda stage: stage.admin(
        "saveQuestions", {"questions": [draft("geography", 1, tags=["new"])]}
    ),
    "100 updates": lambda stage: stage.admin(
        "saveQuestions", {"questions": [draft("geography", n, tags=["new"]) for n in range(100)]}
    ),
    "a question back in use": lambda stage: stage.admin(
        "saveQuestions", {"questions": [draft("geography", 100)]}
    ),
    "a replacement": lambda stage: put(stage, "geography:000001", draft("geography", 300)),
    "a retirement": lambda stage: retire(stage, "geography:000002"),
}


def test_a_writer_that_lost_its_lease_publishes_nothing(stage: Stage) -> None:
    save(stage, *drafts("geography", 100))
    save(stage, draft("geography", 100))
    retire(stage, "geography:000100")
    before = bank(stage), categories(stage)
    stage.pauses()
    for name, write in WRITES.items():
        # Whichever of its transactions is the first to meet the other writer.
        with stage.fault("TransactWriteItems", overtaken(stage)) as met:
            reply = write(stage)
        assert met, name
        assert_unavailable(reply)
        assert (bank(stage), categories(stage)) == before, name
        stage.clock.advance(LEASE)
    for name, write in WRITES.items():
        # Its last transaction, after 10 seconds of silence. 100 updates leave no room for the
        # lease in theirs, which comes a moment after it was renewed.
        if name == "100 updates":
            continue
        with stage.fault("TransactWriteItems", overtaken(stage), within=PUBLISHING) as met:
            reply = write(stage)
        assert met, name
        assert_unavailable(reply)
        assert (bank(stage), categories(stage)) == before, name
        stage.clock.advance(LEASE)


# Replace


def test_a_question_is_replaced_in_place(stage: Stage) -> None:
    save(stage, *drafts("geography", 2), draft("geography", 2, externalId="x", difficulty=2))
    stage.clock.advance(10_000)
    reply = put(stage, "geography:000002", draft("geography", 9, tags=["t"]))
    assert reply.status == 200
    assert reply.body == get(stage, "geography:000002").body
    assert reply.body["version"] == 2
    assert (reply.body["text"], reply.body["tags"]) == ("geography 9?", ["t"])
    assert (reply.body["createdAt"], reply.body["updatedAt"]) == (NOW, LATER)
    # As a whole: what the body leaves out is gone.
    assert not {"externalId", "difficulty"} & set(reply.body)
    assert categories(stage) == {"geography": 3}


def test_replacing_a_question_by_itself_changes_nothing(stage: Stage) -> None:
    save(stage, draft("geography", 0))
    before = stage.everything()
    stage.clock.advance(10_000)
    reply = put(stage, "geography:000000", draft("geography", 0))
    assert (reply.status, reply.body["version"], reply.body["updatedAt"]) == (200, 1, NOW)
    assert stage.everything() == before


def test_a_replaced_question_is_found_by_its_new_content_and_not_by_its_old(
    stage: Stage,
) -> None:
    save(stage, draft("geography", 0, externalId="x"))
    put(stage, "geography:000000", draft("geography", 9, externalId="y"))
    results = save(stage, draft("geography", 9), draft("geography", 0, externalId="x"))
    assert statuses(results) == ["UNCHANGED", "CREATED"]
    (result,) = save(stage, draft("geography", 10, externalId="y"))
    assert (result["status"], result["questionId"]) == ("UPDATED", "geography:000000")


def test_a_question_does_not_change_its_category(stage: Stage) -> None:
    save(stage, draft("geography", 0))
    reply = put(stage, "geography:000000", draft("history", 0))
    assert_problem(reply, 422, "VALIDATION_ERROR")
    assert [fault["field"] for fault in reply.body["errors"]] == ["category"]


def test_a_question_does_not_take_anothers_content_or_external_id(stage: Stage) -> None:
    save(stage, draft("geography", 0), draft("geography", 1, externalId="x"))
    before = bank(stage)
    reply = put(stage, "geography:000000", draft("geography", 1, externalId="x"))
    assert_problem(reply, 422, "VALIDATION_ERROR")
    assert [fault["field"] for fault in reply.body["errors"]] == ["text", "externalId"]
    assert bank(stage) == before
    # The lease was given up.
    assert put(stage, "geography:000000", draft("geography", 2)).status == 200


def test_all_faults_of_a_replacement_are_reported_together(stage: Stage) -> None:
    save(stage, draft("geography", 0))
    reply = put(stage, "geography:000000", {"category": "geography", "text": "", "answers": [1, 2]})
    assert_problem(reply, 422, "VALIDATION_ERROR")
    fields = [fault["field"] for fault in reply.body["errors"]]
    assert fields == ["text", "answers.0", "answers.1"]


def test_replacing_a_retired_question_puts_it_in_use_again(stage: Stage) -> None:
    save(stage, *drafts("geography", 2))
    retire(stage, "geography:000000")
    for body in (draft("geography", 0), draft("geography", 9)):
        reply = put(stage, "geography:000000", body)
        assert (reply.status, reply.body["retired"]) == (200, False)
        assert categories(stage) == {"geography": 2}


def test_what_is_not_in_the_bank_is_404(stage: Stage) -> None:
    save(stage, draft("geography", 0))
    before = stage.everything()
    for missing in (
        "geography:000001",
        "history:000000",
        "geography:0",
        "#category#geography",
        "x",
    ):
        for reply in (
            get(stage, missing),
            put(stage, missing, draft(missing.partition(":")[0], 5)),
            retire(stage, missing),
        ):
            assert_problem(reply, 404, "NOT_FOUND")
    assert stage.everything() == before


# Retire


def test_a_retired_question_is_not_drawn_and_leaves_the_totals(stage: Stage) -> None:
    save(stage, *drafts("geography", 3))
    stage.clock.advance(10_000)
    reply = retire(stage, "geography:000001")
    assert (reply.status, reply.text) == (204, "")
    assert categories(stage) == {"geography": 2}
    body = get(stage, "geography:000001").body
    assert (body["retired"], body["version"], body["updatedAt"]) == (True, 1, LATER)
    assert len(bank(stage)) == 3
    stage.forget_questions()
    for _ in range(8):
        session_id = stage.start({"category": "geography"}, percentage=0)
        asked, shown = [], stage.question(session_id)["question"]
        while shown:
            asked.append(shown["questionId"])
            shown = stage.answer(session_id, shown).body["question"]
        assert sorted(asked) == ["geography:000000", "geography:000002"]


def test_retiring_twice_changes_nothing_more(stage: Stage) -> None:
    save(stage, *drafts("geography", 3))
    retire(stage, "geography:000001")
    before = stage.everything()
    stage.clock.advance(10_000)
    assert retire(stage, "geography:000001").status == 204
    assert stage.everything() == before


def test_a_category_whose_questions_are_all_retired_is_not_offered(stage: Stage) -> None:
    save(stage, draft("geography", 0), draft("history", 0))
    retire(stage, "history:000000")
    assert categories(stage) == {"geography": 1}
    assert len(bank(stage)) == 2


# Read


def test_categories_have_the_body_of_the_contract(stage: Stage) -> None:
    assert stage.call("listCategories").body == {"categories": []}
    save(
        stage,
        draft("geography", 0),
        draft("aws-cloud-practitioner", 0, language="de"),
        draft("geography", 1),
    )
    reply = stage.call("listCategories")
    assert reply.status == 200
    assert reply.body == {
        "categories": [
            {
                "category": "aws-cloud-practitioner",
                "title": "Aws Cloud Practitioner",
                "description": "",
                "language": "de",
                "questionCount": 1,
            },
            {
                "category": "geography",
                "title": "Geography",
                "description": "",
                "language": "en",
                "questionCount": 2,
            },
        ]
    }


def test_the_bank_is_listed_in_pages_across_categories(stage: Stage) -> None:
    save(stage, *drafts("geography", 5), *drafts("history", 2), *drafts("law", 4))
    found = pages(stage, limit="2")
    assert all(0 < len(some) <= 2 for some in found)
    every = [question for some in found for question in some]
    expected = [
        f"{category}:{n:06d}"
        for category, size in (("geography", 5), ("history", 2), ("law", 4))
        for n in range(size)
    ]
    assert [question["questionId"] for question in every] == expected
    assert every[3] == get(stage, "geography:000003").body
    assert "nextToken" not in page(stage, category="history", limit="2")


def test_the_bank_is_listed_by_category(stage: Stage) -> None:
    save(stage, *drafts("geography", 25), *drafts("history", 2))
    first = page(stage, category="geography")
    assert len(first["questions"]) == 20
    found = pages(stage, category="geography", limit="7")
    assert [len(some) for some in found] == [7, 7, 7, 4]
    assert page(stage, category="unheard-of") == {"questions": []}
    assert page(stage, category="history")["questions"] == bank(stage)[-2:]


def test_an_empty_bank_is_an_empty_list(stage: Stage) -> None:
    assert page(stage) == {"questions": []}


def test_a_page_the_database_cuts_short_hides_no_question(stage: Stage) -> None:
    """A query ends at a megabyte, however many items were asked for."""
    answers = [{"text": str(n) * 1000, "correct": n == 0} for n in range(10)]
    wide = {"explanation": "e" * 4000, "answers": answers}
    for at in range(0, 80, 16):
        save(stage, *(draft("geography", n, **wide) for n in range(at, at + 16)))
    found = pages(stage, limit="100")
    assert len(found) > 1
    texts = [question["text"] for some in found for question in some]
    assert texts == [f"geography {n}?" for n in range(80)]


def test_a_token_of_the_bank_is_bound_to_its_query(stage: Stage) -> None:
    save(stage, *drafts("geography", 3), *drafts("history", 3))
    token = page(stage, limit="2")["nextToken"]
    for query in ({"category": "geography"}, {"category": "history"}):
        reply = stage.admin("listQuestions", query={"nextToken": token, **query})
        assert_problem(reply, 422, "VALIDATION_ERROR")
    other = {"nextToken": token}
    reply = stage.call("listQuestions", query=other, user="bob", groups=["admin"])
    assert_problem(reply, 422, "VALIDATION_ERROR")
    for bad in ("A", "A" * 512):
        reply = stage.admin("listQuestions", query={"nextToken": bad})
        assert_problem(reply, 422, "VALIDATION_ERROR")


def test_faults_of_the_banks_query_are_reported_together(stage: Stage) -> None:
    query = {"limit": "101", "category": "Not One", "nextToken": "*"}
    reply = stage.admin("listQuestions", query=query)
    assert_problem(reply, 422, "VALIDATION_ERROR")
    fields = sorted(fault["field"] for fault in reply.body["errors"])
    assert fields == ["category", "limit", "nextToken"]


# Who


def test_learners_may_not_touch_the_bank(stage: Stage) -> None:
    save(stage, draft("geography", 0))
    before = stage.everything()
    path = {"questionId": "geography:000000"}
    calls: Mapping[str, object] = {
        "saveQuestions": {"questions": [draft("geography", 1)]},
        "listQuestions": None,
        "getBankQuestion": None,
        "replaceQuestion": draft("geography", 1),
        "retireQuestion": None,
    }
    for operation, body in calls.items():
        for groups in ((), ("administrators",), ("learner", "Admin")):
            reply = stage.call(operation, body, groups=groups, path=path)
            assert_problem(reply, 403, "FORBIDDEN")
            assert reply.cost == (0, 0.0, 0.0)
    assert stage.everything() == before
