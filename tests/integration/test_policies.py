"""Sessions of either policy over the API: their settings, their reasons, and their end."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from domain.session.policy import Policy, Preferences
from tests.integration.stage import InvokedStage, Reply, drafts

SIZE = 30
DEFAULTS = {"firstLag": 16, "secondLag": 48, "share": 50, "pendingLimit": None}


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("geography", SIZE))
    return stage


def started(stage: InvokedStage, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"sources": [{"category": "geography"}]}
    reply = stage.call("startSession", body | ({"settings": settings} if settings else {}))
    assert reply.status == 201, reply.body
    session: dict[str, Any] = reply.body
    return session


def prefer(stage: InvokedStage, **preferences: Any) -> None:
    assert stage.call("updateUser", preferences, path={"userId": "me"}).status == 200


def play(
    stage: InvokedStage, session_id: str, error: float, seed: int = 1
) -> Iterator[tuple[Any, Reply]]:
    """Play to the end, missing new questions and reviews with this probability."""
    random = Random(seed)
    shown = stage.question(session_id)["question"]
    while shown:
        missed = shown["reason"]["code"] != "RETRY" and random.random() < error
        reply = stage.answer(session_id, shown, right=not missed)
        assert reply.status == 200, reply.body
        yield shown, reply
        shown = reply.body["question"]


def test_a_session_shows_the_policy_it_started_with(bank: InvokedStage) -> None:
    spacing = {"firstLag": 4, "secondLag": 9, "share": 75, "pendingLimit": 8}
    session = started(bank, {"policy": "SPACED", "wrongAnswerPercentage": 30, "spacing": spacing})
    assert session["settings"] == {
        "policy": "SPACED",
        "wrongAnswerPercentage": 30,
        "spacing": spacing,
    }
    read = bank.call("getSession", path={"sessionId": session["sessionId"]})
    assert read.body["settings"] == session["settings"]


def test_settings_that_are_not_given_have_defaults(bank: InvokedStage) -> None:
    session = started(bank, {"policy": "SPACED", "spacing": {"share": 70}})
    assert session["settings"]["spacing"] == {**DEFAULTS, "share": 70}
    assert started(bank)["settings"] == {"policy": "RATIO", "wrongAnswerPercentage": 20}


def test_a_request_wins_over_the_learners_preference_setting_by_setting(bank: InvokedStage) -> None:
    prefer(bank, policy="SPACED", spacing={"firstLag": 8, "pendingLimit": 6})
    assert started(bank)["settings"]["spacing"] == {**DEFAULTS, "firstLag": 8, "pendingLimit": 6}
    mine = started(bank, {"spacing": {"firstLag": 9, "pendingLimit": None}})
    assert mine["settings"]["spacing"] == {**DEFAULTS, "firstLag": 9}
    assert started(bank, {"policy": "RATIO"})["settings"]["policy"] == "RATIO"


def test_a_category_presets_settings_between_the_request_and_the_learner(
    bank: InvokedStage,
) -> None:
    presets = Preferences(policy=Policy.SPACED, first_lag=5, pending_limit=0)
    assert bank.services.categories.describe("geography", {}, presets)
    prefer(bank, policy="RATIO", spacing={"firstLag": 8, "secondLag": 20, "pendingLimit": 6})
    spacing = {**DEFAULTS, "firstLag": 5, "secondLag": 20}
    assert started(bank)["settings"]["spacing"] == spacing
    mine = started(bank, {"spacing": {"firstLag": 9}})
    assert mine["settings"]["spacing"] == {**spacing, "firstLag": 9}
    assert started(bank, {"policy": "RATIO"})["settings"]["policy"] == "RATIO"


def test_a_changed_preference_leaves_sessions_in_progress_as_they_are(bank: InvokedStage) -> None:
    session = started(bank, {"policy": "SPACED"})
    prefer(bank, policy="RATIO", spacing={"firstLag": 1})
    path = {"sessionId": session["sessionId"]}
    assert bank.call("getSession", path=path).body["settings"] == session["settings"]


@pytest.mark.parametrize(
    "spacing",
    [
        {"firstLag": 0},
        {"firstLag": 1001},
        {"secondLag": 0},
        {"secondLag": 1001},
        {"share": 0},
        {"share": 101},
        {"pendingLimit": 3},
        {"pendingLimit": 17},
        {"pendingLimit": 16.5},
        {"lag": 5},
    ],
    ids=str,
)
def test_settings_out_of_bounds_are_refused(bank: InvokedStage, spacing: dict[str, Any]) -> None:
    body = {
        "sources": [{"category": "geography"}],
        "settings": {"policy": "SPACED", "spacing": spacing},
    }
    reply = bank.call("startSession", body)
    assert reply.status == 422
    (field,) = spacing
    assert [each["field"] for each in reply.body["errors"]] == [f"settings.spacing.{field}"]


@pytest.mark.parametrize(
    "settings",
    [
        {"policy": "RATIO", "wrongAnswerPercentage": 20},
        {"policy": "SPACED"},
        {"policy": "SPACED", "spacing": {"firstLag": 3, "secondLag": 7, "share": 100}},
        {"policy": "SPACED", "spacing": {"pendingLimit": 4}},
    ],
    ids=str,
)
def test_a_session_of_each_policy_is_played_to_its_end_with_exact_figures(
    bank: InvokedStage, settings: dict[str, Any]
) -> None:
    session = started(bank, settings)
    limit = settings.get("spacing", {}).get("pendingLimit")
    left, answers, codes = session["progress"]["answersLeft"], 0, set()
    body: dict[str, Any] = {}
    for shown, reply in play(bank, session["sessionId"], error=0.4):
        body, answers = reply.body, answers + 1
        codes.add(shown["reason"]["code"])
        now = body["progress"]["answersLeft"]
        assert now == left - 1 if body["correct"] else now >= left
        left = now
        assert limit is None or body["progress"]["wrongPoolSize"] <= limit
    assert body["nextAction"] == "SESSION_COMPLETED"
    progress = body["progress"]
    assert (progress["mastered"], progress["answersLeft"]) == (SIZE, 0)
    assert progress["correctAnswers"] + progress["wrongAnswers"] == answers
    assert bank.rows("wrong_answers") == []
    assert {"NEW", "RETRY", "REST"} <= codes
    assert "DUE" in codes or limit
    assert ("LIMIT" in codes) == bool(limit)


def test_a_reason_names_how_long_ago_and_how_many_answers_are_left(bank: InvokedStage) -> None:
    settings = {
        "policy": "SPACED",
        "spacing": {"firstLag": 2, "secondLag": 3, "share": 100},
    }
    session_id = started(bank, settings)["sessionId"]
    shown = bank.question(session_id)["question"]
    missed = shown["questionId"]
    assert shown["reason"] == {"code": "NEW", "text": "This question is new."}
    shown = bank.answer(session_id, shown, right=False).body["question"]
    assert shown["reason"] == {"code": "RETRY", "text": "Your answer was wrong: try again."}
    reasons = []
    for _ in range(7):
        reply = bank.answer(session_id, shown)
        shown = reply.body["question"]
        reasons.append((shown["questionId"] == missed, shown["reason"]["text"]))
    due = "You missed this question before, and its review is due."
    first = f"{due} Your last right answer to it was 2 answers ago. It needs 2 more right answers."
    second = f"{due} Your last right answer to it was 3 answers ago. It needs 1 more right answer."
    assert reasons == [
        (False, "This question is new."),
        (True, first),
        (False, "This question is new."),
        (False, "This question is new."),
        (True, second),
        (False, "This question is new."),
        (False, "This question is new."),
    ]
    assert bank.question(session_id)["question"] == shown


def test_a_review_session_names_the_earlier_session(bank: InvokedStage) -> None:
    session_id = started(bank, {"policy": "SPACED"})["sessionId"]
    shown = bank.question(session_id)["question"]
    for right in (False, True, False, True):
        shown = bank.answer(session_id, shown, right=right).body["question"]
    bank.call("abandonSession", path={"sessionId": session_id})
    body = {"review": {}, "settings": {"policy": "SPACED"}}
    review = bank.call("startSession", body)
    assert review.status == 201
    assert review.body["settings"]["spacing"] == DEFAULTS
    codes = [
        shown["reason"]["code"] for shown, _ in play(bank, review.body["sessionId"], error=0.0)
    ]
    assert codes == ["REVIEW", "REVIEW", "REST", "REST"]
    assert bank.rows("wrong_answers") == []


def test_the_log_of_a_draw_names_the_policy_and_how_late_a_review_is(bank: InvokedStage) -> None:
    settings = {"policy": "SPACED", "spacing": {"firstLag": 2, "share": 100}}
    for policy, spaced in ((settings, 1), (None, None)):
        session_id = started(bank, policy)["sessionId"]
        lines = [reply.log for _, reply in play(bank, session_id, error=0.4)]
        draws = [each for each in lines if "PoolDepth" in each or "FreshDraws" in each]
        assert {each.get("Spaced") for each in draws} == {spaced}
        lags = [each["DueLag"] for each in draws if "DueLag" in each]
        assert bool(lags) is bool(spaced)
        if spaced:
            assert max(lags) >= 0 > min(lags)
        # Neither is a metric: none is billed for it.
        directives = [each["_aws"]["CloudWatchMetrics"] for each in draws]
        named = {m["Name"] for d in directives for group in d for m in group["Metrics"]}
        assert "PoolDepth" in named
        assert not named & {"Spaced", "DueLag"}
