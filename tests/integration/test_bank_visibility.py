"""Publishing: a request's questions become visible together; one writer works at a time."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from lambdas.questions.bank_writer import LEASE
from lambdas.shared.store.transaction import Transactions
from tests.integration.banking import (
    assert_problem,
    bank,
    categories,
    get,
    ids,
    put,
    retire,
    save,
    statuses,
)
from tests.integration.stage import (
    InvokedStage,
    Reply,
    draft,
    drafts,
    refuses,
    response_lost,
)

PUBLISHING = "REMOVE stagedSize, stagedActive, stagedBy, holder"


def assert_unavailable(reply: Reply, seconds: str = "1") -> None:
    assert_problem(reply, 503, "UNAVAILABLE")
    assert reply.headers["Retry-After"] == seconds


# Visible together


def test_nothing_is_visible_before_it_is_published(stage: InvokedStage) -> None:
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
    stage: InvokedStage,
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


def test_what_a_failed_writer_left_behind_is_written_over(stage: InvokedStage) -> None:
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


def test_a_save_whose_response_was_lost_is_done_once(stage: InvokedStage) -> None:
    with stage.fault("TransactWriteItems", response_lost, times=1, within=PUBLISHING):
        assert statuses(save(stage, *drafts("geography", 3))) == ["CREATED"] * 3
    assert categories(stage) == {"geography": 3}


def test_a_save_nobody_heard_of_is_503_and_a_repeat_finds_it_done(stage: InvokedStage) -> None:
    body = {"questions": drafts("geography", 3)}
    with stage.fault("TransactWriteItems", response_lost, times=3, within=PUBLISHING):
        assert_unavailable(stage.admin("saveQuestions", body))
    assert statuses(save(stage, *drafts("geography", 3))) == ["UNCHANGED"] * 3


# One writer


class KilledError(BaseException):
    """The process dies."""


def test_another_writer_is_waited_for_and_then_told_as_503(stage: InvokedStage) -> None:
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


def test_a_writer_waits_for_one_that_is_soon_done(stage: InvokedStage) -> None:
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


def test_readers_do_not_wait_for_a_writer(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 2))
    stage.hold("geography", LEASE)
    pauses = stage.pauses()
    assert len(bank(stage)) == 2
    assert categories(stage) == {"geography": 2}
    assert stage.question(stage.start({"category": "geography"}))["question"]
    assert pauses == []


def test_the_lease_of_a_writer_that_died_is_taken_over_when_it_ends(stage: InvokedStage) -> None:
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


def overtaken(stage: InvokedStage) -> Callable[[AWSPreparedRequest], None]:
    """A fault: just before the request, the lease ends and another writer takes it."""
    done: list[bool] = []

    def overtake(_: AWSPreparedRequest) -> None:
        if not done:
            done.append(True)
            stage.clock.advance(LEASE)
            stage.hold("geography", LEASE)

    return overtake


WRITES: Mapping[str, Callable[[InvokedStage], Reply]] = {
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


def test_a_writer_that_lost_its_lease_publishes_nothing(stage: InvokedStage) -> None:
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
