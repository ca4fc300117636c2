"""A learner who starts sessions, answers and repeats answers, beside the reference model."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from tests.integration.stage import ROUTE, START, InvokedStage, Reply, drafts, submission
from tests.reliability.crashes import Snapshot, restore
from tests.reliability.moments import counted_at
from tests.reliability.policies import POLICIES, Policy
from tests.support.reference_model import Model
from tests.support.reference_session import LIFETIME, SessionBook, Settings, Shown

SIZE = 3
SHARED = ("rivers", "stars")
MAX_SESSIONS = 8
USER, OWN = "ada", "own"
"""The learner, and the category that only runs which change questions play."""


class ChangingBank(Model):
    """The model, of a bank that retires questions of one category: the totals follow.

    Before each operation, `total` is what the reply shows. Where a source has none to spare it
    goes down by what was retired and not drawn before, and by no more.
    """

    def __init__(self, changing: str) -> None:
        super().__init__()
        self.changing = changing
        self.retired: set[str] = set()
        self.dropped: Counter[str] = Counter()
        self.total = 0

    def figures(self, session_id: str) -> dict[str, Any]:
        figures = super().figures(session_id)
        return {**figures, "totalQuestions": figures["totalQuestions"] - self.dropped[session_id]}

    def _show(self, session: SessionBook, shown: Shown | None) -> None:
        if shown and not shown.from_pool:
            self._require(shown.question_id not in self.retired, f"{shown} is retired")
        lost = sum(session.sources.values()) - self.dropped[session.session_id] - self.total
        if lost:
            gone = [each for each in self.retired if each not in session.drawn]
            self.dropped[session.session_id] += lost
            session.fresh[self.changing] -= lost
            most = session.sources[self.changing] + len(gone) - SIZE
            self._require(lost > 0, f"{session.session_id} has more questions than before")
            self._require(
                self.dropped[session.session_id] <= most and session.fresh[self.changing] >= 0,
                f"{session.session_id} lost {lost} questions of which {gone} are retired",
            )
        super()._show(session, shown)


@dataclass
class Play:
    """A client's knowledge of its session."""

    session_id: str
    screen: Any
    sent: list[Any] = field(default_factory=list)
    """Answers processed, oldest first."""
    said: Reply | None = None
    """The response to the last of them."""
    said_before: int = 0
    """Edits of the bank at the time of the response."""


WHICH = st.integers(0, MAX_SESSIONS - 1)
KEYS = st.sampled_from([None, None, "k1", "k2"])
POLICY = st.sampled_from(POLICIES)
PERCENTAGES = st.sampled_from([0, 0, 20, 50, 100])
RIGHTS = st.lists(st.sampled_from([False, True, True]), min_size=2, max_size=12)
NAMES = st.sampled_from(["", "a", "\N{BRAIN}" * 80])


class PlayingLearner(RuleBasedStateMachine):
    """One learner of a stage that each run finds as it was.

    A draw depends on the names of questions: with other names in each run, Hypothesis could not
    play the same steps again.
    """

    stage: ClassVar[InvokedStage]
    unplayed: ClassVar[Snapshot]
    steps: ClassVar[Counter[str]]

    @initialize(
        seed=st.integers(0, 2**32),
        changing=st.sampled_from([False, False, True]),
        played=st.lists(st.tuples(PERCENTAGES, POLICY, RIGHTS), max_size=3),
    )
    def begin(
        self, seed: int, changing: bool, played: Sequence[tuple[int, Policy, Sequence[bool]]]
    ) -> None:
        """Some sessions of the same questions have begun."""
        restore(self.stage, self.unplayed)
        self.stage.forget_questions()
        self.stage.clock.now = START
        self.stage.services.entropy = Random(seed).randbytes
        self.own = OWN if changing else ""
        self.model = ChangingBank(self.own)
        self.plays: list[Play] = []
        self.keys: dict[str, tuple[Play, Mapping[str, object]]] = {}
        self.edits = 0
        self.edited: dict[str, int] = {}
        for place, (percentage, policy, rights) in enumerate(played):
            self.start(asked=(SIZE, 0), percentage=percentage, policy=policy, key=None, name="")
            self.play_on(which=place, rights=rights, tick=1)

    @classmethod
    def play_on_stage(cls, stage: InvokedStage) -> None:
        """Prepare the runs on an empty stage."""
        stage.save(*[draft for category in (*SHARED, OWN) for draft in drafts(category, SIZE)])
        cls.stage, cls.unplayed, cls.steps = stage, stage.everything(), Counter()

    # How requests are sent and looked at

    def call(self, operation: str, body: object = None, **other: Any) -> Reply:
        self.steps[operation] += 1
        event = self.stage.event(operation, body, user=USER, **other)
        reply = self.stage.handle(ROUTE[operation].function, event)
        if reply.status >= 400:
            assert reply.body["status"] == reply.status < 500, reply.body
            assert reply.headers["Content-Type"] == "application/problem+json"
        return reply

    def at(self, play: Play, operation: str, body: object = None) -> Reply:
        return self.call(operation, body, path={"sessionId": play.session_id})

    @property
    def now(self) -> int:
        return self.stage.clock.now

    def pick(self, which: int) -> Play:
        return self.plays[which % len(self.plays)]

    def status(self, play: Play) -> str:
        return self.model.sessions[play.session_id].status_at(self.now)

    def refusal(self, play: Play) -> tuple[int, str] | None:
        """Return what a request to play meets in a session that cannot be played."""
        return {
            "PAUSED": (409, "SESSION_PAUSED"),
            "EXPIRED": (410, "SESSION_EXPIRED"),
            "ABANDONED": (409, "SESSION_OVER"),
            "COMPLETED": (409, "SESSION_OVER"),
        }.get(self.status(play))

    def refused(self, reply: Reply, status: int, code: str) -> None:
        assert (reply.status, reply.body["code"]) == (status, code), reply.body

    # Starting

    def repeats_a_key(self, reply: Reply, key: str | None, body: Mapping[str, object]) -> bool:
        """Whether the key was used before: the same body finds its session, another is refused."""
        if key not in self.keys:
            return False
        play, first = self.keys[key]
        if body == first:
            assert reply.status == 200, reply.body
            assert reply.body == self.model.view(play.session_id, self.now)
        else:
            self.refused(reply, 422, "IDEMPOTENCY_KEY_REUSED")
        return True

    def started(
        self,
        reply: Reply,
        key: str | None,
        body: Mapping[str, object],
        take: Callable[[str, Shown | None], None],
    ) -> None:
        assert reply.status == 201, reply.body
        session_id = reply.body["sessionId"]
        play = Play(session_id, None)
        self.model.total = reply.body["progress"]["totalQuestions"]
        shown = self.at(play, "getQuestion")
        play.screen = shown.body["question"]
        take(session_id, Shown.of(play.screen))
        assert reply.body == self.model.view(session_id, self.now)
        assert reply.headers["Location"] == f"/sessions/{session_id}"
        self.plays.append(play)
        if key:
            self.keys[key] = play, body

    @precondition(lambda self: len(self.plays) < MAX_SESSIONS)
    @rule(
        asked=st.sampled_from([(SIZE, 0), (SIZE, 0), (2, 0), (2, 2), (1, SIZE), (0, 2), (0, 0)]),
        percentage=PERCENTAGES,
        policy=POLICY,
        key=KEYS,
        name=NAMES,
    )
    def start(
        self,
        asked: tuple[int, int],
        percentage: int,
        policy: Policy,
        key: str | None,
        name: str,
    ) -> None:
        categories = (self.own or SHARED[0], SHARED[1])
        sources = [
            {"category": each, "questionCount": n}
            for each, n in zip(categories, asked, strict=True)
            if n
        ]
        settings: Settings = {"wrongAnswerPercentage": percentage, **policy}
        body = {
            "name": name,
            "sources": sources,
            "settings": settings,
        }
        headers = {"Idempotency-Key": key} if key else None
        reply = self.call("startSession", body, headers=headers)
        active = SIZE - len(self.model.retired)
        if sources and self.repeats_a_key(reply, key, body):
            return
        if not sources or (self.own and asked[0] > active):
            self.refused(reply, 422, "VALIDATION_ERROR")
            return
        wanted = {each: n for each, n in zip(categories, asked, strict=True) if n}

        def take(session_id: str, shown: Shown | None) -> None:
            self.model.start(
                session_id,
                wanted,
                shown=shown,
                at=self.now,
                name=name,
                settings=settings,
            )

        self.started(reply, key, body, take)

    @precondition(lambda self: self.plays and len(self.plays) < MAX_SESSIONS)
    @rule(
        category=st.sampled_from([None, None, *SHARED]),
        limit=st.integers(1, 5),
        policy=POLICY,
        key=KEYS,
        name=NAMES,
        after=st.sampled_from(["nothing", "abandoning", "abandoning all", "expiry"]),
        which=WHICH,
    )
    def review(
        self,
        category: str | None,
        limit: int,
        policy: Policy,
        key: str | None,
        name: str,
        after: str,
        which: int,
    ) -> None:
        leaving = {"abandoning": [self.pick(which)], "abandoning all": self.plays}
        for play in leaving.get(after, []):
            self.leave(play)
        if after == "expiry":
            self.stage.clock.advance(LIFETIME)
        wanted: dict[str, Any] = {"questionCount": limit}
        if category:
            wanted["category"] = category
        headers = {"Idempotency-Key": key} if key else None
        settings = {"wrongAnswerPercentage": 20, **policy}
        body = {"review": wanted, "name": name, "settings": settings}
        left = self.model.leftovers(self.now, category)
        reply = self.call("startSession", body, headers=headers)
        if self.repeats_a_key(reply, key, body):
            return
        if not left:
            self.refused(reply, 422, "VALIDATION_ERROR")
            return

        def take(session_id: str, shown: Shown | None) -> None:
            self.steps["reviews"] += 1
            self.steps["merges"] += len(left) > len({each.question_id for each in left})
            self.model.review(
                session_id,
                shown=shown,
                at=self.now,
                category=category,
                limit=limit,
                name=name,
                settings=settings,
            )

        self.started(reply, key, body, take)

    @precondition(lambda self: self.keys)
    @rule(which=WHICH)
    def start_again(self, which: int) -> None:
        key, (_, body) = list(self.keys.items())[which % len(self.keys)]
        reply = self.call("startSession", body, headers={"Idempotency-Key": key})
        assert self.repeats_a_key(reply, key, body)

    # Playing

    @precondition(lambda self: self.plays)
    @rule(
        which=WHICH,
        right=st.sampled_from([True, True, False]),
        turn=st.booleans(),
        seconds=st.sampled_from([None, 0, 1.5, 86_400]),
    )
    def answer(self, which: int, right: bool, turn: bool, seconds: float | None) -> None:
        play = self.pick(which)
        if play.screen:
            self.submit(play, right=right, turn=turn, seconds=seconds)

    def leave(self, play: Play) -> None:
        status = self.status(play)
        reply = self.at(play, "abandonSession")
        if status == "EXPIRED":
            self.refused(reply, 410, "SESSION_EXPIRED")
        elif status == "COMPLETED":
            self.refused(reply, 409, "SESSION_OVER")
        else:
            assert reply.status == 204
            if status != "ABANDONED":
                self.model.abandon(play.session_id, at=self.now)

    # Looking

    @precondition(lambda self: any(self.status(play) == "ACTIVE" for play in self.plays))
    @rule(
        which=WHICH,
        rights=RIGHTS,
        tick=st.sampled_from([0, 1, 1000, -5_000]),
    )
    def play_on(self, which: int, rights: Sequence[bool], tick: int) -> None:
        active = [play for play in self.plays if self.status(play) == "ACTIVE"]
        if not active:
            return
        play = active[which % len(active)]
        for right in rights:
            if play.screen:
                self.submit(play, right=right, turn=True, seconds=None)
            self.stage.clock.advance(tick)

    def submit(self, play: Play, *, right: bool, turn: bool, seconds: float | None) -> None:
        """Answer what the client has on its screen."""
        body = submission(play.screen, right=right)
        del body["timeSpent"]
        if seconds is not None:
            body["timeSpent"] = seconds
        if not turn:
            del body["turn"]
        at = counted_at(self.model, play.session_id, self.now, right=right)
        reply = self.at(play, "submitAnswer", body)
        refusal = self.refusal(play)
        if refusal:
            self.refused(reply, *refusal)
            return
        if self.edited.get(play.session_id) == play.screen["turn"]:
            self.refused(reply, 409, "QUESTION_CHANGED")
            del self.edited[play.session_id]
            play.screen = reply.body["question"]
            return
        assert reply.status == 200, reply.body
        self.model.total = reply.body["progress"]["totalQuestions"]
        self.model.answer(
            play.session_id,
            turn=play.screen["turn"],
            right=right,
            at=at,
            time_spent=round(1000 * (seconds or 0)),
            shown=Shown.of(reply.body["question"]),
        )
        assert reply.body["correct"] is right
        assert reply.body["progress"] == self.model.figures(play.session_id)
        assert reply.body["penaltyIndicator"] == reply.body["progress"]["penaltyIndicator"]
        over = reply.body["question"] is None
        expected = "SESSION_COMPLETED" if over else "NEXT_QUESTION"
        assert reply.body["nextAction"] == (expected if right else "RETRY_SAME_QUESTION")
        play.sent.append({**body, "turn": play.screen["turn"]})
        play.said, play.said_before = reply, self.edits
        play.screen = reply.body["question"]

    @precondition(lambda self: any(play.sent for play in self.plays))
    @rule(which=WHICH, seconds=st.sampled_from([0, 7]))
    def repeat(self, which: int, seconds: int) -> None:
        play = self.pick(which)
        if play.said is None:
            return
        reply = self.at(play, "submitAnswer", {**play.sent[-1], "timeSpent": seconds})
        assert reply.status == 200, reply.body
        if play.said_before == self.edits:
            assert reply.text == play.said.text
        assert reply.body["progress"] == play.said.body["progress"]
        assert reply.body["nextAction"] == play.said.body["nextAction"]
