"""One history: many clients of one learner, each doing what clients do, over a database in chaos.

Their responses and the fate of their requests are the evidence that `judge` evaluates.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from math import inf
from random import Random
from typing import Any

from lambdas.shared.bank import Bank
from tests.integration.stage import ROUTE, START, InvokedStage
from tests.reliability.chaos import Baton, Chaos, CrashError, Free, Scheduler
from tests.reliability.policies import POLICIES
from tests.support.reference_session import LIFETIME

TICK = 10
"""Milliseconds between two calls: each has a time of its own, which identifies its rows."""

SKEW = 300_000
MAX_STARTS = 4
MAX_REVIEWS = 3
MAX_CALLS = 200
"""Times a client sends a request before the history counts as stuck."""

CATEGORIES = ("rivers", "stars")
SIZE = 6


class MismatchError(AssertionError):
    """No serial order of the acknowledged operations explains what the system did."""


def bank_drafts() -> list[dict[str, Any]]:
    """Return the bank the histories play on: every other question has several right choices."""
    return [
        {
            "category": category,
            "text": f"{category} {number}?",
            "type": "MULTIPLE_CHOICE" if number % 2 else "SINGLE_CHOICE",
            "answers": [
                {"text": "right 0", "correct": True},
                {"text": "right 1" if number % 2 else "wrong 1", "correct": bool(number % 2)},
                {"text": "wrong 2", "correct": False},
                {"text": "wrong 3", "correct": False},
            ],
        }
        for category in CATEGORIES
        for number in range(SIZE)
    ]


@dataclass
class Call:
    """One time a request was sent: when, by the caller's clock, and what came back, if anything."""

    began: int
    now: int
    ended: int | None = None
    status: int | None = None
    body: Any = None
    faults: int = 0

    @property
    def open(self) -> bool:
        """Whether the client has to send it again."""
        return self.status in (None, 503)

    @property
    def done(self) -> bool:
        return self.status is not None and self.status < 300


@dataclass
class Request:
    """A client's intent, and each request for it. Sent several times, it is still the same."""

    operation: str
    body: Any = None
    session_id: str | None = None
    key: str | None = None
    calls: list[Call] = field(default_factory=list)
    # For answers: the question answered, and the choices.
    turn: int = 0
    question_id: str = ""
    right: bool = False
    chosen: tuple[int, ...] = ()
    time_spent: int = 0

    @property
    def effective(self) -> list[Call]:
        """The calls that may have taken effect: none that began once it was acknowledged.

        Where the SDK's own retry met what its first attempt had written, and others had written
        over it since, a change of a session is refused though it took effect.
        """
        changes = self.operation in ("updateSession", "abandonSession")
        heard = min((call.ended or 0 for call in self.calls if call.done), default=inf)
        return [
            call
            for call in self.calls
            if call.began < heard
            and (call.open or call.done or (changes and call.status == 409 and call.faults))
        ]

    @property
    def acknowledged(self) -> bool:
        return any(call.done for call in self.calls)


class World:
    """State shared by the clients of one learner, and all their responses."""

    def __init__(self, stage: InvokedStage, seed: int, user: str = "") -> None:
        self.stage = stage
        self.seed = seed
        self.random = Random(f"world {seed}")
        self.user = user or f"learner-{seed}"
        self.clients = self.random.randint(8, 16)
        self.operations = self.random.randint(12, 26)
        self.expires = self.random.random() < 0.35
        self.free = seed % 5 == 0
        scheduler: Scheduler = (
            Free()
            if self.free
            else Baton(Random(f"baton {seed}"), self.random.choice([0.0, 0.3, 0.8]))
        )
        self.scheduler = scheduler
        self.chaos = Chaos(stage, scheduler)
        self.events = count(1)
        self.names = count(1)
        self.offset = 0
        self.left = self.operations
        self.requests: list[Request] = []
        self.answered: list[Request] = []
        self.sessions: list[str] = []
        self.keys: list[Request] = []
        self.inboxes: list[list[Request]] = [[] for _ in range(self.clients)]
        self.screens: dict[tuple[str, int], Any] = {}
        self.figures: dict[tuple[str, int], Any] = {}
        self.results: dict[tuple[str, int], Any] = {}
        self.views: list[tuple[str, Any, int]] = []

    def play(self) -> None:
        """Let all clients do their operations, and then, in some histories, do more a month on."""
        clock = ThreadClock()
        self.stage.services.clock = clock
        self.stage.services.entropy = Random(f"entropy {self.seed}").randbytes
        self.stage.services.bank = Bank(self.stage.services.questions, clock)
        clients = [Client(self, number, clock) for number in range(self.clients)]
        with self.chaos.reigning():
            self.scheduler.run([each.run for each in clients])
            if self.expires:
                self.offset = LIFETIME + 60_000
                self.left += 12
                self.scheduler.run([each.run for each in clients])
        self.stage.read_output()

    def observe(self, request: Request, call: Call) -> None:
        """Keep what a response shows, and see that no two contradict each other."""
        if not isinstance(call.body, dict) or call.status is None:
            return
        body = call.body
        session_id = request.session_id
        if "sessionId" in body:
            self.views.append((body["sessionId"], body, call.now))
        for each in body.get("sessions", ()):
            self.views.append((each["sessionId"], each, call.now))
        if session_id is None or "question" not in body:
            return
        turn = body["question"]["turn"] if body["question"] else 0
        self._same(self.screens, (session_id, turn), body["question"], request)
        if "progress" in body:
            self._same(self.figures, (session_id, turn), body["progress"], request)
        if call.done and request.operation == "submitAnswer":
            self._same(
                self.results, (session_id, request.turn), {**body, "by": request.chosen}, request
            )

    @staticmethod
    def _same(
        known: dict[tuple[str, int], Any], key: tuple[str, int], said: Any, by: Request
    ) -> None:
        if known.setdefault(key, said) != said:
            raise MismatchError(f"{by.operation} of {key} says {said}, before it was {known[key]}")


class ThreadClock:
    """A clock that gives each thread the time of the call it serves."""

    def __init__(self) -> None:
        self._mine = threading.local()

    def __call__(self) -> int:
        return getattr(self._mine, "now", START)

    def set(self, now: int) -> None:
        self._mine.now = now


class Client:
    """A tab, a phone: one of the learner's clients."""

    def __init__(self, world: World, number: int, clock: ThreadClock) -> None:
        self.world = world
        self.number = number
        self.clock = clock
        self.random = Random(f"client {world.seed} {number}")
        self.screen: dict[str, Any] = {}
        self.versions: dict[str, int] = {}
        self.skew = SKEW if number % 2 else -SKEW

    def run(self) -> None:
        world = self.world
        world.chaos.enter(Random(f"luck {world.seed} {self.number} {world.offset}"))
        while True:
            inbox = world.inboxes[self.number]
            if inbox:
                self.perform(inbox.pop())
            elif world.left > 0:
                world.left -= 1
                self.step()
            else:
                return

    # --- requests --------------------------------------------------------------------------

    def perform(self, request: Request) -> Call:
        """Send a request until something comes back that is no 503, and return that."""
        world = self.world
        if not any(each is request for each in world.requests):
            world.requests.append(request)
        for _ in range(MAX_CALLS):
            call = self._call(request)
            if call.open:
                continue
            assert call.status is not None
            if call.status >= 500:
                raise MismatchError(f"{request.operation}: {call.status} {call.body}")
            self._remember(request, call)
            return call
        raise MismatchError(f"{request.operation} never got an answer")

    def _call(self, request: Request) -> Call:
        world = self.world
        began = next(world.events)
        now = START + world.offset + TICK * began + (self.skew if world.offset else 0)
        self.clock.set(now)
        call = Call(began, now)
        request.calls.append(call)
        before = world.chaos.faults
        event = world.stage.event(
            request.operation,
            request.body,
            user=world.user,
            path=self._path(request),
            headers={"Idempotency-Key": request.key} if request.key else None,
        )
        try:
            reply = world.stage.handle(ROUTE[request.operation].function, event)
        except CrashError:
            return call
        call.faults = world.chaos.faults - before
        call.status, call.body, call.ended = reply.status, reply.body, next(world.events)
        world.observe(request, call)
        return call

    @staticmethod
    def _path(request: Request) -> Mapping[str, str] | None:
        if request.session_id:
            return {"sessionId": request.session_id}
        return {"userId": "me"} if "{userId}" in ROUTE[request.operation].path else None

    def _remember(self, request: Request, call: Call) -> None:
        world, body = self.world, call.body
        if isinstance(body, dict) and "sessionId" in body:
            self.versions[body["sessionId"]] = body["version"]
            if body["sessionId"] not in world.sessions:
                world.sessions.append(body["sessionId"])
        session_id = request.session_id
        if session_id is None:
            return
        if isinstance(body, dict) and body.get("question"):
            self.screen[session_id] = body["question"]
        elif call.status in (404, 409, 410) or request.operation == "submitAnswer":
            self.screen.pop(session_id, None)
        if call.done and request.operation == "submitAnswer":
            world.answered.append(request)

    # --- what a client does ----------------------------------------------------------------

    def step(self) -> None:
        if not self.world.sessions:
            self.start()
            return
        doing, weights = zip(
            (self.answer, 66),
            (self.start, 4),
            (self.review, 7),
            (self.change, 8),
            (self.abandon, 3),
            (self.replay, 5),
            (self.stray, 4),
            (self.look, 3),
            strict=True,
        )
        self.random.choices(doing, weights)[0]()

    def answer(self) -> None:
        """Answer what this client believes is on screen, and what turns out to be there instead."""
        session_id = self.random.choice(self.world.sessions)
        for _ in range(4):
            shown = self.screen.get(session_id) or self.look_at(session_id)
            if shown is None:
                return
            request = self.submission(session_id, shown)
            if self.random.random() < 0.15:
                self.random.choice(self.world.inboxes).append(request)
            call = self.perform(request)
            if call.done and self.random.random() < 0.1:
                self.perform(request)
            if not call.body.get("question"):
                if call.body.get("code") == "SESSION_PAUSED":
                    self.update(session_id, {"status": "ACTIVE"})
                return

    def look_at(self, session_id: str) -> Any:
        """Return the question on screen, None if there is none or the session is paused."""
        call = self.perform(Request("getQuestion", session_id=session_id))
        if call.status == 409 and call.body["code"] == "SESSION_PAUSED":
            self.update(session_id, {"status": "ACTIVE"})
        return call.body.get("question")

    def submission(self, session_id: str, shown: Mapping[str, Any]) -> Request:
        random = self.random
        multiple = shown["type"] == "MULTIPLE_CHOICE"
        places = {each["text"]: each["id"] for each in shown["answers"]}
        correct = [text for text in places if text.startswith("right")]
        right = random.random() < 0.6
        if right:
            chosen = correct
        elif multiple:
            chosen = random.choice([[*correct, "wrong 2"], correct[:1], ["wrong 3"]])
        else:
            chosen = [random.choice([text for text in places if text.startswith("wrong")])]
        time_spent = random.randrange(86_400_000)
        body = {
            "questionId": shown["questionId"],
            "turn": shown["turn"],
            "selectedAnswers": [places[text] for text in chosen],
            "timeSpent": time_spent / 1000,
        }
        if random.random() < 0.2:
            del body["turn"]
        return Request(
            "submitAnswer",
            body,
            session_id,
            turn=shown["turn"],
            question_id=shown["questionId"],
            right=right,
            chosen=tuple(sorted(int(text[-1]) for text in chosen)),
            time_spent=time_spent,
        )

    def start(self) -> None:
        world, random = self.world, self.random
        if world.keys and (len(world.keys) == MAX_STARTS or random.random() < 0.3):
            self.perform(random.choice(world.keys))
            return
        sources = [
            {"category": each, "questionCount": random.randint(2, SIZE)}
            for each in random.sample(CATEGORIES, random.randint(1, 2))
        ]
        percentage = random.choice([0, 20, 50, 100])
        body = {
            "name": f"n{next(world.names)}",
            "sources": sources,
            "settings": {"wrongAnswerPercentage": percentage, **random.choice(POLICIES)},
        }
        request = Request("startSession", body, key=f"key-{len(world.keys)}")
        world.keys.append(request)
        self.perform(request)

    def review(self) -> None:
        world, random = self.world, self.random
        reviews = sum("review" in (each.body or {}) for each in world.requests)
        if reviews >= MAX_REVIEWS * (2 if world.offset else 1):
            self.answer()
            return
        owing = {each for (each, _), said in list(world.figures.items()) if said["wrongPoolSize"]}
        if owing and not world.offset and random.random() < 0.7:
            self.perform(Request("abandonSession", session_id=random.choice(sorted(owing))))
        wanted = {"category": random.choice(CATEGORIES)} if random.random() < 0.3 else {}
        body = {
            "name": f"n{next(world.names)}",
            "review": wanted,
            "settings": {"wrongAnswerPercentage": 20, **random.choice(POLICIES)},
        }
        key = f"review-{self.number}-{len(world.requests)}"
        self.perform(Request("startSession", body, key=key))

    def change(self) -> None:
        session_id = self.random.choice(self.world.sessions)
        wanted: dict[str, Any] = {"name": f"n{next(self.world.names)}"}
        luck = self.random.random()
        if luck < 0.7:
            wanted["status"] = "PAUSED" if luck < 0.3 else "ACTIVE"
        self.update(session_id, wanted)

    def update(self, session_id: str, wanted: Mapping[str, Any]) -> None:
        version = self.versions.get(session_id)
        if version is None or self.random.random() < 0.7:
            call = self.perform(Request("getSession", session_id=session_id))
            if not call.done:
                return
            version = call.body["version"]
        named = {"name": f"n{next(self.world.names)}", **wanted, "version": version}
        self.perform(Request("updateSession", named, session_id))

    def abandon(self) -> None:
        session_id = self.random.choice(self.world.sessions)
        request = Request("abandonSession", session_id=session_id)
        call = self.perform(request)
        if call.status == 409 and call.body["code"] == "VERSION_CONFLICT":
            self.perform(request)

    def replay(self) -> None:
        if self.world.answered:
            self.perform(self.random.choice(self.world.answered))

    def stray(self) -> None:
        """Answer a turn that others have left behind."""
        stale = [key for key, question in list(self.world.screens.items()) if question]
        if stale:
            session_id, turn = self.random.choice(stale)
            self.perform(self.submission(session_id, self.world.screens[session_id, turn]))

    def look(self) -> None:
        operation = self.random.choice(["listSessions", "getProgress", "listWrongAnswers"])
        self.perform(Request(operation))
