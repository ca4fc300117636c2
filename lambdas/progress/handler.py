"""Routes of a learner's progress."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.question import category_and_ordinal
from domain.statistics.given_answer import DAY
from domain.statistics.learner import DAYS_SHOWN, OTHER_CATEGORIES
from lambdas.contract.errors import NotFoundError
from lambdas.contract.formats import QUESTION_ID_PATTERN
from lambdas.progress.played_questions import (
    MAX_WITH_QUESTIONS,
    Played,
    played_by_id,
    session_questions,
    with_questions,
)
from lambdas.progress.played_questions import (
    POSITION_PATTERN as PLAYED_POSITION_PATTERN,
)
from lambdas.progress.use_case import learner_totals
from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.pagination import page_position, page_token
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services
from lambdas.shared.store.errors import AccountErasedError
from lambdas.shared.store.progress import QuestionRecord
from lambdas.shared.store.wrong_answers import POSITION_PATTERN, OwedQuestion
from lambdas.shared.time_zones import day_in
from lambdas.shared.timestamps import iso

if TYPE_CHECKING:
    from lambdas.contract import responses


def get_progress(request: Request, services: Services) -> Response:
    """GET /users/{userId}/progress."""
    try:
        totals = learner_totals(services, request.user_id)
    except AccountErasedError:
        # To an administrator, whose own account it is not, the learner does not exist.
        if request.user_id == request.caller.user_id:
            raise
        raise NotFoundError from None
    tally, overall = totals.tally, totals.tally.overall
    attempts = overall.correct + overall.wrong
    today = day_in(totals.time_zone, services.clock())
    answers, days = tally.answers, tally.active_days
    body: responses.LearnerProgress = {
        "userId": request.user_id,
        "asOf": iso(tally.as_of) if tally.as_of else None,
        "questionsAttempted": overall.questions,
        "attempts": attempts,
        "correct": overall.correct,
        "wrong": overall.wrong,
        "accuracy": round(overall.correct / attempts, 4) if attempts else 0.0,
        "mastered": overall.mastered,
        "timeSpent": tally.time_spent / 1000,
        "wrongPoolSize": totals.pool_entries,
        "remainingTries": totals.pool_tries,
        "streaks": {
            "currentDays": days.current(today),
            "bestDays": days.best,
            "currentAnswers": answers.suffix,
            "bestAnswers": answers.best,
        },
        "categories": [
            {
                "category": category,
                "questionsAttempted": each.questions,
                "correct": each.correct,
                "wrong": each.wrong,
                "mastered": each.mastered,
            }
            for category, each in sorted(tally.categories.items())
            if category != OTHER_CATEGORIES
        ],
        "days": [
            {
                "date": iso(day * DAY).partition("T")[0],
                "correct": run.right,
                "wrong": run.length - run.right,
            }
            for day, run in sorted(tally.days.items())
            # A learner who travels west may have answered tomorrow.
            if today - DAYS_SHOWN < day <= today + 1
        ],
    }
    return Response(200, body)


def list_session_questions(request: Request, services: Services) -> Response:
    """GET /sessions/{sessionId}/questions."""
    operation, user_id = request.route.operation, request.user_id
    session_id = request.path["sessionId"]
    query = {**request.query, "sessionId": session_id}  # binds the token to the session
    found, following = session_questions(
        services,
        user_id,
        session_id,
        limit=query["limit"],
        after=page_position(operation, user_id, query, PLAYED_POSITION_PATTERN),
    )
    body: responses.SessionQuestionPage = {
        "questions": [
            {
                **_played_view(each),
                "missed": each.record.missed_in == session_id,
                "timeSpent": each.record.time_spent / 1000,
                "answeredAt": iso(each.record.last_seen_at),
            }
            for each in found
        ]
    }
    if following:
        body["nextToken"] = page_token(following, operation, user_id, query)
    return Response(200, body)


def list_question_progress(request: Request, services: Services) -> Response:
    """GET /users/{userId}/progress/questions."""
    operation, user_id, query = request.route.operation, request.user_id, request.query
    category = query.get("category")
    # The database refuses to go on from outside the category it is asked for.
    pattern = f"{category}:[0-9]{{6,9}}" if category else QUESTION_ID_PATTERN
    records, following = services.progress.page(
        user_id,
        category=category,
        limit=_records_a_page(query),
        after=page_position(operation, user_id, query, pattern),
    )
    body: responses.QuestionProgressPage = {"questions": [_record_view(each) for each in records]}
    if "include" in query:
        played = {each.question.question_id: each for each in with_questions(services, records)}
        for progress in body["questions"]:
            if (known := played.get(progress["questionId"])) is not None:
                progress["question"] = _played_view(known)
    if following:
        body["nextToken"] = page_token(following, operation, user_id, query)
    return Response(200, body)


def list_wrong_answers(request: Request, services: Services) -> Response:
    """GET /users/{userId}/wrong-answers."""
    operation, user_id, query = request.route.operation, request.user_id, request.query
    owed, following = services.wrong_answers.page(
        user_id,
        limit=_records_a_page(query),
        after=page_position(operation, user_id, query, POSITION_PATTERN),
    )
    body: responses.WrongAnswerPage = {"wrongAnswers": [_owed_view(each) for each in owed]}
    if "include" in query:
        # A question may be owed by several sessions.
        ids = dict.fromkeys(each.entry.question_id for each in owed)
        played = played_by_id(services, user_id, ids)
        for wrong_answer in body["wrongAnswers"]:
            if (known := played.get(wrong_answer["questionId"])) is not None:
                wrong_answer["question"] = _played_view(known)
    if following:
        body["nextToken"] = page_token(following, operation, user_id, query)
    return Response(200, body)


def _records_a_page(query: Mapping[str, Any]) -> int:
    limit: int = query["limit"]
    return min(limit, MAX_WITH_QUESTIONS) if "include" in query else limit


def _played_view(played: Played) -> "responses.PlayedQuestion":
    """Return a question with what was chosen last; the right choices only where earned."""
    question, record, earned = played.question, played.record, played.earned
    answers: list[responses.PlayedAnswer] = []
    # In order of text: the order of the bank often gives the right choice away.
    for index, choice in sorted(enumerate(question.choices), key=lambda each: each[1].text):
        chosen = not played.edited and index in record.last_choice
        answer: responses.PlayedAnswer = {"text": choice.text, "chosen": chosen}
        if earned:
            answer["correct"] = choice.correct
        answers.append(answer)
    view: responses.PlayedQuestion = {
        "questionId": question.question_id,
        "category": category_and_ordinal(question.question_id)[0],
        "text": question.text,
        "type": "MULTIPLE_CHOICE" if question.multiple else "SINGLE_CHOICE",
        "language": question.language,
        "answers": answers,
        "edited": played.edited,
    }
    if earned:
        view["explanation"] = question.explanation
    return view


def _record_view(record: QuestionRecord) -> "responses.QuestionProgress":
    return {
        "questionId": record.question_id,
        "category": category_and_ordinal(record.question_id)[0],
        "attempts": record.attempts,
        "correct": record.correct,
        "wrong": record.wrong,
        "mastered": record.mastered,
        "firstSeenAt": iso(record.first_seen_at),
        "lastSeenAt": iso(record.last_seen_at),
        "timeSpent": record.time_spent / 1000,
    }


def _owed_view(owed: OwedQuestion) -> "responses.WrongAnswer":
    return {
        "questionId": owed.entry.question_id,
        "category": category_and_ordinal(owed.entry.question_id)[0],
        "timestamp": iso(owed.entry.queued_at),
        "remainingTries": owed.entry.remaining_tries,
        "sessionId": owed.session_id,
    }


handler = entrypoint(
    "progress",
    {
        "getProgress": get_progress,
        "listSessionQuestions": list_session_questions,
        "listQuestionProgress": list_question_progress,
        "listWrongAnswers": list_wrong_answers,
    },
)
