"""A state machine of all a learner may do, right or wrong, against the reference model.

Hypothesis drives the real handlers on the real engine. `STATE_MACHINE_RUNS` sets how many times
(15; 200 in CI); beyond 200 the runs are others each time.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.integration.stage import InvokedStage, draft, submission
from tests.reliability.playing_learner import NAMES, SIZE, USER, WHICH, Play, PlayingLearner
from tests.support.reference_rows import differences
from tests.support.reference_session import LIFETIME, Shown

STEPS = 50


class Learner(PlayingLearner):
    """A learner who also sends wrong answers, changes sessions, looks, and edits questions."""

    @precondition(lambda self: self.plays)
    @rule(
        which=WHICH,
        what=st.sampled_from(["old turn", "future turn", "other question", "other choice"]),
        back=st.integers(2, 6),
    )
    def answer_what_is_not_asked(self, which: int, what: str, back: int) -> None:
        play = self.pick(which)
        if what == "old turn" and len(play.sent) >= back:
            body = play.sent[-back]
        elif what == "other choice" and play.sent:
            last = play.sent[-1]["selectedAnswers"][0]
            other = ("0" if last[0] != "0" else "1") + last[1:]
            body = {**play.sent[-1], "selectedAnswers": [other]}
        elif what == "future turn" and play.screen:
            body = submission(play.screen, turn=play.screen["turn"] + 1)
        elif play.screen:
            body = submission(play.screen, questionId="rivers:009999")
        else:
            return
        reply = self.at(play, "submitAnswer", body)
        refusal = self.refusal(play)
        self.refused(reply, *(refusal or (409, "TURN_MISMATCH")))
        if not refusal:
            shown = Shown.of(reply.body["question"])
            assert shown == self.model.sessions[play.session_id].shown

    @precondition(lambda self: any(play.screen for play in self.plays))
    @rule(
        which=WHICH,
        wrong=st.sampled_from(
            [
                {"selectedAnswers": []},
                {"selectedAnswers": ["0000000001", "0000000001"]},
                {"selectedAnswers": ["No such id"]},
                {"questionId": "nonsense"},
                {"turn": 0},
                {"timeSpent": -1},
                {"timeSpent": 86_401},
                {"more": 1},
                "several choices",
                "a choice of nobody's",
            ]
        ),
    )
    def answer_what_cannot_be(self, which: int, wrong: dict[str, Any] | str) -> None:
        shown = [play for play in self.plays if play.screen]
        play = shown[which % len(shown)]
        body = submission(play.screen)
        ids = [each["id"] for each in play.screen["answers"]]
        expected = (422, "VALIDATION_ERROR")
        if isinstance(wrong, dict):
            body |= wrong
        elif play.session_id in self.edited:
            return
        else:
            body["selectedAnswers"] = (
                ids[:2] if wrong.startswith("several") else ["0" * 7 + ids[0][7:]]
            )
            expected = self.refusal(play) or expected
        self.refused(self.at(play, "submitAnswer", body), *expected)

    # Changing

    @precondition(lambda self: self.plays)
    @rule(
        which=WHICH,
        wanted=st.fixed_dictionaries(
            {},
            optional={"name": NAMES, "status": st.sampled_from(["ACTIVE", "PAUSED"])},
        ),
        resume=st.booleans(),
        stale=st.sampled_from([0, 0, 0, 1, -1]),
    )
    def change(self, which: int, wanted: dict[str, str], resume: bool, stale: int) -> None:
        play = self.pick(which)
        if resume and self.status(play) == "PAUSED":
            wanted = {**wanted, "status": "ACTIVE"}
        book = self.model.sessions[play.session_id]
        version = book.version + stale
        reply = self.at(play, "updateSession", {"version": version, **wanted})
        status = self.status(play)
        if not wanted or version < 1:
            self.refused(reply, 422, "VALIDATION_ERROR")
        elif status == "EXPIRED":
            self.refused(reply, 410, "SESSION_EXPIRED")
        elif stale:
            self.refused(reply, 409, "VERSION_CONFLICT")
            assert reply.body["currentVersion"] == book.version
        elif "status" in wanted and status in ("COMPLETED", "ABANDONED"):
            self.refused(reply, 409, "SESSION_OVER")
        else:
            assert reply.status == 200, reply.body
            self.model.change(play.session_id, at=self.now, **wanted)
            assert reply.body == self.model.view(play.session_id, self.now)

    @precondition(lambda self: self.plays)
    @rule(which=WHICH)
    def abandon(self, which: int) -> None:
        self.leave(self.pick(which))

    @precondition(lambda self: self.plays)
    @rule(
        which=WHICH,
        status=st.sampled_from([None, "ACTIVE", "PAUSED", "COMPLETED", "ABANDONED", "EXPIRED"]),
        what=st.sampled_from(["question", "session", "list", "nothing"]),
    )
    def look(self, which: int, status: str | None, what: str) -> None:
        match what:
            case "question":
                self.see_question(self.pick(which))
            case "session":
                self.see_session(self.pick(which))
            case "list":
                self.see_list(status)
            case _:
                self.see_nothing()

    def see_question(self, play: Play) -> None:
        reply = self.at(play, "getQuestion")
        status = self.status(play)
        refusal = self.refusal(play)
        if refusal and status != "COMPLETED":
            self.refused(reply, *refusal)
            return
        assert reply.status == 200, reply.body
        book = self.model.sessions[play.session_id]
        assert Shown.of(reply.body["question"]) == book.shown
        assert reply.body["progress"] == self.model.figures(play.session_id)
        assert reply.body["nextAction"] == ("ANSWER" if book.shown else "SESSION_COMPLETED")
        play.screen = reply.body["question"]
        self.edited.pop(play.session_id, None)

    def see_session(self, play: Play) -> None:
        reply = self.at(play, "getSession")
        if self.status(play) == "EXPIRED":
            self.refused(reply, 410, "SESSION_EXPIRED")
        else:
            assert reply.status == 200
            assert reply.body == self.model.view(play.session_id, self.now)

    def see_list(self, status: str | None) -> None:
        reply = self.call("listSessions", query={"status": status} if status else None)
        newest = sorted((play.session_id for play in self.plays), reverse=True)
        views = [self.model.view(each, self.now) for each in newest]
        assert reply.body == {
            "sessions": [view for view in views if status in (None, view["status"])]
        }

    def see_nothing(self) -> None:
        for operation in ("getSession", "getQuestion", "abandonSession"):
            reply = self.call(operation, path={"sessionId": "0" * 27})
            self.refused(reply, 404, "NOT_FOUND")

    # The bank and the clock

    @precondition(lambda self: self.own)
    @rule(number=st.integers(0, SIZE - 1), corrected=st.booleans())
    def edit(self, number: int, corrected: bool) -> None:
        question_id = f"{self.own}:{number:06d}"
        if question_id in self.model.retired:
            return
        self.edits += 1
        body = draft(self.own, number, text=f"{self.own} {number}, edition {self.edits}?")
        if corrected:
            body["answers"] = [*body["answers"][2:], body["answers"][0]]
        self.stage.replace(question_id, body)
        self.stage.forget_questions()
        for play in self.plays:
            if play.screen and play.screen["questionId"] == question_id:
                self.edited[play.session_id] = play.screen["turn"]

    @precondition(lambda self: self.own and len(self.model.retired) < SIZE - 1)
    @rule(number=st.integers(0, SIZE - 1))
    def retire(self, number: int) -> None:
        question_id = f"{self.own}:{number:06d}"
        if question_id not in self.model.retired:
            self.stage.retire(question_id)
            self.stage.forget_questions()
            self.model.retired.add(question_id)
            self.edits += 1

    @rule(by=st.sampled_from([1, 1, 40, 1000, 61_000, -5_000, LIFETIME // 2]))
    def pass_time(self, by: int) -> None:
        self.stage.clock.advance(by)

    @invariant()
    def count_a_step(self) -> None:
        self.steps["steps"] += 1

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        environment = self.stage.services
        rows = [
            environment.database.call(
                "query",
                TableName=table.name,
                ConsistentRead=True,
                KeyConditionExpression="userId = :user",
                ExpressionAttributeValues={":user": {"S": USER}},
            )["Items"]
            for table in (environment.sessions, environment.progress, environment.wrong_answers)
        ]
        assert differences(self.model, *rows) == []
        self.steps["runs"] += 1
        self.stage.read_output()


@pytest.mark.slow
def test_all_a_learner_may_do_leaves_what_the_model_says(
    stage: InvokedStage, record_testsuite_property: Callable[[str, object], None]
) -> None:
    runs = int(os.environ.get("STATE_MACHINE_RUNS", "15"))
    Learner.play_on_stage(stage)
    run_state_machine_as_test(
        Learner,
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            derandomize=runs <= 200,
            database=None,
            deadline=None,
            print_blob=True,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    record_testsuite_property("steps", dict(Learner.steps))
