"""Learners' views of sessions and questions, from states made by hand."""

from typing import Any

import pytest

from domain.question import Choice, Question
from domain.session.policy import Spacing
from domain.session.pool import Pool, PoolEntry, Queue
from domain.session.presentation import choice_ids
from domain.session.state import (
    Outcome,
    ProcessedTurn,
    Reason,
    Session,
    Source,
    Status,
    Turn,
)
from lambdas.answer.handler import answer_view
from lambdas.answer.use_case import ProcessedAnswer
from lambdas.contract import responses
from lambdas.shared.http.views import progress_view, question_view, session_view

NOW = 1_790_000_000_000
SEED = bytes(range(16))
QUESTION = Question(
    question_id="geography:000123",
    version=3,
    text="Which river?",
    choices=tuple(Choice(f"river {n}", correct=n == 0) for n in range(4)),
    explanation="Because.",
    language="de",
)
SESSION = Session(
    user_id="ada",
    session_id="0" * 27,
    name="Mixed",
    status=Status.ACTIVE,
    version=8,
    created_at=NOW,
    updated_at=NOW + 1,
    expires_at=NOW + 2_000,
    seed=SEED,
    wrong_answer_percentage=35,
    sources=(
        Source(category="geography", question_count=30, size=812, cursor=6, left=24),
        Source(category="law", question_count=2, size=2, cursor=0, left=2),
    ),
    pool=Pool(
        Queue(
            head=(PoolEntry(NOW, "geography:000001"), PoolEntry(NOW + 1, "geography:000002", 1)),
            entries=2,
            tries=3,
        )
    ),
    last_queued_at=NOW + 1,
    turns=9,
    turn=Turn(question_id=QUESTION.question_id, version=3, order=(2, 0, 3, 1)),
    processed=ProcessedTurn(
        turn=8, question_id="geography:000002", version=1, selected=(1,), outcome=Outcome.QUEUED
    ),
    presented=6,
    answered=5,
    correct=6,
    wrong=2,
    mastered=3,
)
OVER = SESSION._replace(
    status=Status.COMPLETED,
    turn=None,
    pool=Pool(),
    sources=tuple(source._replace(left=0) for source in SESSION.sources),
)


def test_a_session_of_spaced_shows_its_spacing() -> None:
    spaced = SESSION._replace(spacing=Spacing(pending_limit=8))
    assert session_view(spaced, NOW)["settings"] == {
        "policy": "SPACED",
        "wrongAnswerPercentage": 35,
        "spacing": {"firstLag": 16, "secondLag": 48, "share": 50, "pendingLimit": 8},
    }


@pytest.mark.parametrize(
    ("turn", "code"),
    [
        ({"reason": None}, "NEW"),
        ({"reason": None, "from_pool": True}, "DUE"),
        ({"reason": None, "missed": True}, "RETRY"),
        *(({"reason": each, "from_pool": True}, each.value) for each in Reason),
    ],
)
def test_every_turn_has_a_reason_also_one_of_an_earlier_release(
    turn: dict[str, Any], code: str
) -> None:
    assert SESSION.turn is not None
    shown = SESSION._replace(turn=SESSION.turn._replace(**turn))
    view = question_view(shown, QUESTION)
    assert view is not None
    assert view["reason"]["code"] == code
    assert view["reason"]["text"].endswith(".")


def with_right(*right: int, multiple: bool = False) -> Question:
    choices = tuple(c._replace(correct=n in right) for n, c in enumerate(QUESTION.choices))
    return QUESTION._replace(choices=choices, multiple=multiple)


def shown(session: Session = SESSION, question: Question = QUESTION) -> Any:
    view = question_view(session, question)
    assert view is not None
    return view


def test_a_session_is_shown_with_exactly_the_fields_of_the_contract() -> None:
    view = session_view(SESSION, NOW)
    assert set(view) == set(responses.Session.__annotations__)
    assert {k: v for k, v in view.items() if k != "progress"} == {
        "sessionId": "0" * 27,
        "name": "Mixed",
        "status": "ACTIVE",
        "version": 8,
        "sources": [
            {"category": "geography", "questionCount": 30},
            {"category": "law", "questionCount": 2},
        ],
        "settings": {"policy": "RATIO", "wrongAnswerPercentage": 35},
        "createdAt": "2026-09-21T14:13:20.000Z",
        "updatedAt": "2026-09-21T14:13:20.001Z",
        "expiresAt": "2026-09-21T14:13:22.000Z",
    }


def test_progress_is_shown_with_exactly_the_fields_of_the_contract() -> None:
    assert progress_view(SESSION) == {
        "totalQuestions": 32,
        "questionsAnswered": 5,
        "correctAnswers": 6,
        "wrongAnswers": 2,
        "mastered": 3,
        "wrongPoolSize": 2,
        "remainingTries": 3,
        "answersLeft": 30,
        "penaltyIndicator": "(+2 Questions @ 3 Tries)",
        "percentComplete": 16.67,
    }
    assert set(progress_view(SESSION)) == set(responses.SessionProgress.__annotations__)


def test_a_completed_session_owes_nothing_and_shows_no_question() -> None:
    progress = progress_view(OVER)
    assert (progress["answersLeft"], progress["penaltyIndicator"]) == (0, "")
    assert progress["percentComplete"] == 100.0
    assert question_view(OVER, QUESTION) is None
    assert question_view(SESSION, None) is None


@pytest.mark.parametrize(
    ("status", "before", "after"),
    [
        (Status.ACTIVE, "ACTIVE", "EXPIRED"),
        (Status.PAUSED, "PAUSED", "EXPIRED"),
        (Status.COMPLETED, "COMPLETED", "COMPLETED"),
        (Status.ABANDONED, "ABANDONED", "ABANDONED"),
    ],
)
def test_the_status_is_that_of_now(status: Status, before: str, after: str) -> None:
    session = SESSION._replace(status=status)
    assert session_view(session, SESSION.expires_at - 1)["status"] == before
    assert session_view(session, SESSION.expires_at)["status"] == after


def test_neither_seed_nor_user_nor_what_comes_next_is_shown() -> None:
    said = repr(session_view(SESSION, NOW))
    for secret in (SEED.hex(), repr(SEED), "ada", "geography:000123", "order", "cursor", "left="):
        assert secret not in said


def test_a_question_is_shown_with_exactly_the_fields_of_the_contract() -> None:
    ids = choice_ids(SEED, 9, 3, 4)
    view = shown()
    assert view == {
        "questionId": "geography:000123",
        "turn": 9,
        "text": "Which river?",
        "type": "SINGLE_CHOICE",
        "answers": [{"id": ids[n], "text": f"river {n}"} for n in (2, 0, 3, 1)],
        "shuffled": True,
        "fromWrongPool": False,
        "questionNumber": 6,
        "language": "de",
        "reason": {"code": "NEW", "text": "This question is new."},
    }
    assert set(view) == set(responses.ShownQuestion.__annotations__)


def test_the_type_of_a_question_and_where_it_comes_from_are_told() -> None:
    assert shown(question=with_right(0, 1, multiple=True))["type"] == "MULTIPLE_CHOICE"
    assert SESSION.turn is not None
    pooled = SESSION._replace(turn=SESSION.turn._replace(from_pool=True))
    assert shown(pooled)["fromWrongPool"] is True


def test_choices_that_cannot_move_are_not_called_shuffled() -> None:
    fixed = tuple(choice._replace(pinned=n > 0) for n, choice in enumerate(QUESTION.choices))
    assert shown(question=QUESTION._replace(choices=fixed))["shuffled"] is False


def test_a_question_looks_the_same_whichever_choice_is_right() -> None:
    views = [shown(question=with_right(right)) for right in range(4)]
    assert all(view == views[0] for view in views)


def test_a_multiple_choice_question_looks_the_same_whichever_and_however_many_are_right() -> None:
    keys = [(0,), (3,), (0, 1), (1, 2, 3)]
    views = [shown(question=with_right(*key, multiple=True)) for key in keys]
    assert all(view == views[0] for view in views)


def test_the_explanation_is_not_part_of_a_question() -> None:
    view = shown(question=QUESTION._replace(explanation="The Danube, it is."))
    assert "Danube" not in repr(view)


def test_an_edited_question_is_shown_as_it_is_now_with_ids_of_its_own() -> None:
    edited = QUESTION._replace(version=4, text="Which river, exactly?")
    view = shown(question=edited)
    assert view["text"] == "Which river, exactly?"
    old_ids = {answer["id"] for answer in shown()["answers"]}
    assert not old_ids & {answer["id"] for answer in view["answers"]}
    texts = sorted(answer["text"] for answer in view["answers"])
    assert texts == [f"river {n}" for n in range(4)]


def result(outcome: Outcome, session: Session = SESSION, *, right: int = 0) -> Any:
    turn = session.turns - 1 if session.turn else session.turns
    done = ProcessedTurn(
        turn=turn, question_id="geography:000002", version=1, selected=(1,), outcome=outcome
    )
    session = session._replace(processed=done)
    return answer_view(
        ProcessedAnswer(session, QUESTION._replace(explanation="Danube."), with_right(right))
    )


def test_a_wrong_answer_is_told_without_the_right_one() -> None:
    view = result(Outcome.WRONG)
    assert set(view) == {
        "correct",
        "nextAction",
        "penaltyIndicator",
        "message",
        "question",
        "version",
        "progress",
    }
    assert (view["correct"], view["nextAction"]) == (False, "RETRY_SAME_QUESTION")
    assert "Danube" not in repr(view)


@pytest.mark.parametrize("outcome", Outcome)
def test_an_answers_response_looks_the_same_whichever_choice_of_the_next_question_is_right(
    outcome: Outcome,
) -> None:
    views = [result(outcome, right=right) for right in range(4)]
    assert all(view == views[0] for view in views)


@pytest.mark.parametrize("outcome", [Outcome.QUEUED, Outcome.LOWERED, Outcome.MASTERED])
def test_a_right_answer_comes_with_its_ids_and_its_explanation(outcome: Outcome) -> None:
    view = result(outcome)
    assert (view["correct"], view["nextAction"]) == (True, "NEXT_QUESTION")
    assert view["correctAnswers"] == [choice_ids(SEED, 8, 1, 2)[1]]
    assert view["explanation"] == "Danube."
    shown_ids = {answer["id"] for answer in view["question"]["answers"]}
    assert not shown_ids & set(view["correctAnswers"])
    assert set(view) <= set(responses.AnswerResult.__annotations__)


def test_the_last_right_answer_completes_the_session() -> None:
    view = result(Outcome.MASTERED, OVER)
    assert (view["nextAction"], view["question"]) == ("SESSION_COMPLETED", None)
    assert view["correctAnswers"] == [choice_ids(SEED, 9, 1, 2)[1]]
