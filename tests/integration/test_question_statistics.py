"""How questions behave, over the API: equal to a recount of the answers given."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from domain.statistics.given_answer import GivenAnswer
from domain.statistics.item import tally_of
from lambdas.analytics.records import given_answer
from lambdas.shared.store.packing import packed_item
from lambdas.shared.store.tallies import statistics_key
from tests.integration.stage import InvokedStage, Reply, draft, drafts, submission
from tests.support import recount
from tests.support.simulated_learners import Item, answers

QUESTION, CATEGORY = "getQuestionStatistics", "getCategoryStatistics"


def statistics(stage: InvokedStage, question_id: str) -> Any:
    reply = stage.admin(QUESTION, path={"questionId": question_id})
    assert reply.status == 200, reply.body
    return reply.body


def of_category(stage: InvokedStage, category: str) -> Any:
    reply = stage.admin(CATEGORY, path={"category": category})
    assert reply.status == 200, reply.body
    return reply.body


def play(stage: InvokedStage, user: str, random: Random, errors: float) -> None:
    """Play a session of the whole category, with some share of wrong answers."""
    session = stage.start({"category": "geography"}, user=user)
    shown = stage.question(session, user)["question"]
    while shown:
        stage.clock.advance(random.randrange(1_000, 9_000))
        body = submission(shown, right=random.random() > errors, timeSpent=random.random() * 30)
        reply = stage.call("submitAnswer", body, user=user, path={"sessionId": session})
        shown = reply.body["question"]


def seed(stage: InvokedStage, question_id: str, given: list[GivenAnswer], version: int = 1) -> None:
    """Put the tally of answers where the consumer keeps it."""
    stage.services.database.call(
        "put_item",
        TableName=stage.services.questions.name,
        Item={
            **statistics_key(question_id, version),
            "tally": {"B": packed_item(tally_of(given))},
            "tallyVersion": {"N": "1"},
        },
    )


def tries_are_counted(whole: dict[str, Any], given: list[GivenAnswer]) -> None:
    firsts = [each.correct for each in given if each.attempt == 1]
    assert (whole["firstTries"], whole["firstTriesCorrect"]) == (32, sum(firsts))
    reviews = [each.correct for each in given if each.review]
    assert (whole["reviews"], whole["reviewsCorrect"]) == (len(reviews), sum(reviews))
    assert 0 < sum(reviews) < len(reviews)


def test_statistics_are_those_of_the_answers_given(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 8))
    random = Random(3)
    for learner in range(4):
        play(stage, f"learner-{learner}", random, errors=0.1 + 0.1 * learner)
    records = stage.records()
    assert stage.deliver(records) == []
    given = [answer for each in records if (answer := given_answer(each))]
    for (question, version), own in recount.by_version(given).items():
        told, expected = statistics(stage, question), recount.item_statistics(own, 4)
        assert (told["questionId"], told["version"]) == (question, version)
        assert (told["attempts"], told["correct"]) == (expected["answers"], expected["right"])
        assert told["firstTries"] == expected["firstTries"] == 4
        right = (told["firstTriesCorrect"], told["reviews"], told["reviewsCorrect"])
        assert right == tuple(expected[name] for name in ("firstRight", "reviews", "reviewsRight"))
        assert told["facility"] == round(expected["facility"], 4)
        found = told["discrimination"]
        assert found["firstTries"] == expected["scored"]
        correlation = expected["discrimination"]
        assert found["value"] == (
            None if correlation is None else pytest.approx(correlation, abs=1e-4)
        )
        times = told["timeSpent"]
        assert times["answers"] == expected["timed"]
        assert times["mean"] == pytest.approx(expected["meanTime"] / 1000, abs=1e-3)
        median = expected["quantiles"][0.5] / 1000
        assert times["median"] == pytest.approx(median, rel=0.095)
        assert tuple(each["taken"] for each in told["choices"]) == expected["taken"]
        assert tuple(each["takenAtFirst"] for each in told["choices"]) == expected["firstTaken"]
        able = (
            told["strongest"]["learners"],
            tuple(c["takenByStrongest"] for c in told["choices"]),
        )
        assert able == expected["strongest"]
        assert [tuple(each.values()) for each in told["months"]] == expected["months"]
        learning = [tuple(each.values()) for each in told["learning"]]
        assert learning == expected["attempts"]
        assert told["flags"] == []
    whole = of_category(stage, "geography")
    assert whole["attempts"] == len(given)
    tries_are_counted(whole, given)
    assert (whole["questions"], whole["answered"], whole["judged"]) == (8, 8, 0)
    assert sum(each["questions"] for each in whole["facilities"]) == 8
    expected = recount.item_statistics(given, 4)
    assert [tuple(each.values()) for each in whole["learning"]] == expected["attempts"]
    assert [tuple(each.values()) for each in whole["poolDepth"]] == [
        (first, last, count, round(entries / count, 4))
        for first, last, count, entries in expected["depths"]
    ]
    assert max(each.pool_entries for each in given) > 0


def test_before_the_first_answer_there_are_zeros_and_nulls(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2))
    told = statistics(stage, "geography:000001")
    nothing = {"firstTries": 0, "value": None, "low": None, "high": None}
    assert told == {
        "questionId": "geography:000001",
        "category": "geography",
        "version": 1,
        "asOf": None,
        "attempts": 0,
        "correct": 0,
        "firstTries": 0,
        "firstTriesCorrect": 0,
        "reviews": 0,
        "reviewsCorrect": 0,
        "facility": None,
        "discrimination": nothing,
        "timeSpent": {
            "answers": 0,
            "mean": None,
            "lowerQuartile": None,
            "median": None,
            "upperQuartile": None,
        },
        "strongest": {"learners": 0, "fromScore": None},
        "choices": [
            {
                "text": text,
                "correct": text.startswith("right"),
                "taken": 0,
                "takenAtFirst": 0,
                "takenByStrongest": 0,
            }
            for text in ("right 1", "wrong 1 0", "wrong 1 1", "wrong 1 2")
        ],
        "months": [],
        "learning": [],
        "flags": [],
    }
    whole = of_category(stage, "geography")
    assert whole == {
        "category": "geography",
        "asOf": None,
        "questions": 2,
        "answered": 0,
        "judged": 0,
        "attempts": 0,
        "firstTries": 0,
        "firstTriesCorrect": 0,
        "reviews": 0,
        "reviewsCorrect": 0,
        "facility": None,
        "learning": [],
        "poolDepth": [],
        "facilities": [
            {"from": step / 10, "to": (step + 1) / 10, "questions": 0} for step in range(10)
        ],
        "flags": {"misleading": 0, "ambiguous": 0, "tooHard": 0, "tooEasy": 0},
        "worst": [],
    }


def test_an_edited_question_begins_anew_and_a_retired_one_leaves_its_category(
    stage: InvokedStage,
) -> None:
    stage.save(*drafts("geography", 3))
    simulated = list(answers(Random(1), [Item(0, 1.0, 0.0)], 40))
    seed(stage, "geography:000000", simulated)
    seed(stage, "geography:000001", simulated)
    assert statistics(stage, "geography:000000")["firstTries"] == 40
    assert of_category(stage, "geography")["firstTries"] == 80
    stage.replace("geography:000000", draft("geography", 0, text="edited?"))
    assert statistics(stage, "geography:000000")["firstTries"] == 0
    stage.retire("geography:000001")
    whole = of_category(stage, "geography")
    assert (whole["questions"], whole["firstTries"]) == (2, 0)
    assert statistics(stage, "geography:000001")["firstTries"] == 40


def test_the_worst_ten_come_by_flag_and_then_by_discrimination(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 14))
    bank = [Item(number, a=1.0 + number / 10, b=0.0) for number in range(12)]
    # One that everybody gets right, and one whose wrong choice the able take too.
    bank += [Item(12, a=1.0, b=-9.0), Item(13, a=1.0, b=9.0, lure=0.9)]
    own: dict[int, list[GivenAnswer]] = {}
    for each in answers(Random(5), bank, 150):
        own.setdefault(int(each.question_id.rpartition(":")[2]), []).append(each)
    for number, given in own.items():
        seed(stage, f"geography:{number:06d}", given)
    whole = of_category(stage, "geography")
    assert (whole["judged"], len(whole["worst"])) == (14, 10)
    first, second, *others = whole["worst"]
    assert (first["questionId"], first["flags"]) == ("geography:000013", ["MISLEADING", "TOO_HARD"])
    assert (second["questionId"], second["flags"]) == ("geography:000012", ["TOO_EASY"])
    assert first["text"] == "geography 13?"
    found = [each["discrimination"]["value"] for each in others]
    assert found == sorted(found)
    assert whole["flags"] == {"misleading": 1, "ambiguous": 0, "tooHard": 1, "tooEasy": 1}
    assert whole["facilities"][0]["questions"] == 1
    assert whole["facilities"][9]["questions"] == 1


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (QUESTION, {"questionId": "geography:000009"}),
        (QUESTION, {"questionId": "history:000000"}),
        (QUESTION, {"questionId": "#registry"}),
        (CATEGORY, {"category": "history"}),
        (CATEGORY, {"category": "No Such"}),
    ],
)
def test_what_the_bank_does_not_have_is_not_found(
    stage: InvokedStage, operation: str, path: Mapping[str, str]
) -> None:
    stage.save(*drafts("geography", 1))
    assert stage.admin(operation, path=path).status == 404


@pytest.mark.parametrize(
    ("operation", "path"),
    [(QUESTION, {"questionId": "geography:000000"}), (CATEGORY, {"category": "geography"})],
)
def test_a_learner_may_not_see_how_questions_behave(
    stage: InvokedStage, operation: str, path: Mapping[str, str]
) -> None:
    stage.save(*drafts("geography", 1))
    reply: Reply = stage.call(operation, path=path)
    assert (reply.status, reply.cost) == (403, (0, 0, 0))


def test_a_question_costs_two_calls_and_a_category_one_for_a_hundred(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 250))
    assert stage.admin(QUESTION, path={"questionId": "geography:000007"}).cost == (2, 2.5, 0)
    # The registry, one page of the index, three hundreds of tallies; no question is judged yet.
    assert stage.admin(CATEGORY, path={"category": "geography"}).cost[0] == 1 + 1 + 3
    seed(stage, "geography:000000", list(answers(Random(1), [Item(0, 1.0, 0.0)], 40)))
    assert stage.admin(CATEGORY, path={"category": "geography"}).cost[0] == 1 + 1 + 3 + 1
