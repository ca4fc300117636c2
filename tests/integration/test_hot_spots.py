"""A learner who answers much, and a question that all answer, slow nobody else: by counts."""

import json

from tests.integration.counting import log_line, play
from tests.integration.stage import InvokedStage, drafts


def test_a_hot_learner_costs_the_others_of_a_batch_nothing(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 8))
    for _ in range(6):
        play(stage, "ada", "r" * 8)
    others = ("bob", "cleo", "dan")
    for other in others:
        play(stage, other, "r")
    records = stage.records()
    assert len(records) == 6 * 8 + len(others)
    stage.read_output()

    assert stage.deliver(records) == []

    line = log_line(stage)
    assert (line["Counted"], line["roundTrips"]) == (len(records), 2)
    # As with one answer of each: a learner and a question are written once.
    assert line["WRU"] == 2 * (1 + len(others) + 8)


def test_answers_to_one_question_write_no_item_in_common(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 1))
    learners = [f"learner-{number}" for number in range(5)]
    written: list[set[str]] = []
    for learner in learners:
        session = stage.start({"category": "geography"}, user=learner)
        shown = stage.question(session, learner)["question"]
        with stage.fault("TransactWriteItems", lambda _: None) as met:
            reply = stage.answer(session, shown, right=False, user=learner)
        assert reply.status == 200
        (request,) = met
        assert isinstance(request.body, bytes)
        actions = json.loads(request.body)["TransactItems"]
        written.append({_owner(action) for action in actions})
    assert written == [{learner} for learner in learners]


def _owner(action: dict[str, dict[str, object]]) -> str:
    """Return the partition key that an action writes: the learner, in all tables of play."""
    (request,) = action.values()
    key = request.get("Key") or request["Item"]
    assert isinstance(key, dict)
    owner: str = key["userId"]["S"]
    return owner
