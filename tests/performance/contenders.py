"""Ours and the naive quiz, ready to play: same engine, same process, same questions."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from random import Random
from typing import Any, Protocol

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session
from urllib3 import HTTPResponse

from domain.question import Choice, Question, category_and_ordinal, question_id
from domain.session.drawing import FreshDraw, advance, following
from domain.session.effects import EntrySaved
from domain.session.engine import new_session
from domain.session.permutation import permuted
from domain.session.pool import PoolEntry
from domain.session.state import Session, Source
from lambdas.shared.store.questions import BankRecord, QuestionsTable
from tests.integration.stage import InvokedStage, submission
from tests.performance.naive import NaiveQuiz

CATEGORY = "geography"
PENDING_CATEGORY = "history"
TURNS = 120
"""Most turns a contender plays: only what they can draw is written to the bank."""

Event = Mapping[str, Any]


class Contender(Protocol):
    """One who plays: by whole handlers, from proxy event to proxy response."""

    client: Any

    def begin(self, pool: int, pending: int) -> None:
        """Begin a session of `pool` questions, of whose pool `pending` entries are left."""

    def showing(self) -> Event:
        """Return the event that asks for the current question."""

    def answering(self, *, right: bool) -> Event:
        """Return the event that answers it."""

    def show(self, event: Event) -> Any:
        """Handle the one; return the result."""

    def answer(self, event: Event) -> Any:
        """Handle the other; return the result."""

    def go_on(self, result: Any) -> None:
        """Take what is on the screen now from a result."""


@dataclass
class Ours:
    """The handlers that ship."""

    stage: InvokedStage
    user: str = "ours"
    shown: Any = None
    session_id: str = ""

    def __post_init__(self) -> None:
        self.client: Any = self.stage.services.database.client
        self._answer = import_module("lambdas.answer.handler").handler
        self._show = import_module("lambdas.quiz.handler").handler

    def begin(self, pool: int, pending: int) -> None:
        self.user = f"ours-{pool}-{pending}"
        session = begun_session(self.stage, self.user, pool, pending)
        self.session_id = session.session_id
        self.go_on(self.show(self.showing()))

    def showing(self) -> Event:
        path = {"sessionId": self.session_id}
        return self.stage.event("getQuestion", user=self.user, path=path)

    def answering(self, *, right: bool) -> Event:
        body = submission(self.shown, right=right)
        path = {"sessionId": self.session_id}
        return self.stage.event("submitAnswer", body, user=self.user, path=path)

    def show(self, event: Event) -> Any:
        return self._show(event, None)

    def answer(self, event: Event) -> Any:
        return self._answer(event, None)

    def go_on(self, result: Any) -> None:
        assert result["statusCode"] == 200, result
        self.shown = json.loads(result["body"])["question"]


class Naive:
    """The naive handlers."""

    def __init__(self, stage: InvokedStage) -> None:
        self.stage = stage
        self.quiz = NaiveQuiz(stage.clock, Random(1))
        self.client: Any = self.quiz.client
        self.user, self.session_id = "naive", "s"
        self.shown: Any = None

    def begin(self, pool: int, pending: int) -> None:
        self.user = f"naive-{pool}-{pending}"
        self.quiz.start(self.user, self.session_id, naive_ids(self.stage, pool))
        session = blank_session(self.user, 1)._replace(session_id=self.session_id)
        seed_entries(self.stage, session, pending)
        self.go_on(self.show(self.showing()))

    def showing(self) -> Event:
        path = {"sessionId": self.session_id}
        return self.stage.event("getQuestion", user=self.user, path=path)

    def answering(self, *, right: bool) -> Event:
        body = submission({**self.shown, "turn": 1, "type": "SINGLE_CHOICE"}, right=right)
        path = {"sessionId": self.session_id}
        return self.stage.event("submitAnswer", body, user=self.user, path=path)

    def show(self, event: Event) -> Any:
        return self.quiz.get_question(event)

    def answer(self, event: Event) -> Any:
        return self.quiz.answer(event)

    def go_on(self, result: Any) -> None:
        self.shown = json.loads(result["body"])["question"]


def blank_session(user: str, pool: int) -> Session:
    """Return a session that has drawn nothing yet."""
    return new_session(
        user_id=user,
        session_id="0" * 27,
        name="",
        seed=b"0123456789abcdef",
        sources=[
            Source(category=CATEGORY, question_count=pool, size=pool, left=pool),
            Source(category=PENDING_CATEGORY, question_count=1, size=1, left=1),
        ],
        wrong_answer_percentage=20,
        now=1_790_000_000_000,
    )


def begun_session(stage: InvokedStage, user: str, pool: int, pending: int) -> Session:
    """Save a session with its first question on screen and `pending` entries in its pool."""
    session = blank_session(user, pool)
    entries = seed_entries(stage, session, pending)
    known = session.pool
    for entry in entries:
        known = known.added(entry)
    session = session._replace(pool=known, last_queued_at=stage.clock.now)
    ahead = following(session, FreshDraw("", 0), TURNS)
    drawn = {category_and_ordinal(each)[1] for each in ahead}
    first = permuted(0, pool, session.seed, CATEGORY.encode())
    seed_questions(stage, CATEGORY, drawn | {first})
    advanced = advance(session, stage.services.bank.get, lambda _: ((), True))
    stage.services.sessions.save(advanced.session, expected_version=None)
    return advanced.session


def seed_entries(stage: InvokedStage, session: Session, count: int) -> list[PoolEntry]:
    """Write pool entries of a session, oldest first."""
    now = stage.clock.now - count
    entries = [
        PoolEntry(now + number, question_id(PENDING_CATEGORY, number)) for number in range(count)
    ]
    table = stage.services.wrong_answers
    actions = (table.change(session, EntrySaved(entry, (0,), new=True)) for entry in entries)
    seed(stage, table.name, [action.item for action in actions])
    seed_questions(stage, PENDING_CATEGORY, range(min(count, TURNS)))
    return entries


def naive_ids(stage: InvokedStage, pool: int) -> list[str]:
    """Return as many ids as the pool is large, of few questions: of all, most are never drawn."""
    some = min(pool, TURNS)
    seed_questions(stage, CATEGORY, range(some))
    return [question_id(CATEGORY, number % some) for number in range(pool)]


def seed_questions(stage: InvokedStage, category: str, ordinals: Iterable[int]) -> None:
    """Write questions of a category, whose right choices say so."""
    table: QuestionsTable = stage.services.questions
    seed(stage, table.name, (_question_item(table, category, number) for number in ordinals))


def _question_item(table: QuestionsTable, category: str, number: int) -> dict[str, Any]:
    texts = ("right", "wrong 1", "wrong 2", "wrong 3")
    question = Question(
        question_id=question_id(category, number),
        version=1,
        text=f"{category} {number}: " + "what would one ask here? " * 4,
        choices=tuple(Choice(f"{text}, so it seems", text == "right") for text in texts),
        explanation="Because it is so. " * 5,
    )
    record = BankRecord(
        question=question,
        content_key=f"#content:{category}:{number}",
        difficulty=None,
        tags=(),
        external_id=None,
        created_at=0,
        updated_at=0,
    )
    item: dict[str, Any] = table.put(record).item
    return item


def seed(stage: InvokedStage, table: str, items: Iterable[Mapping[str, Any]]) -> None:
    """Put items, 25 a call."""
    client = stage.services.database.client
    batch: list[Any] = []
    for item in items:
        batch.append({"PutRequest": {"Item": item}})
        if len(batch) == 25:
            client.batch_write_item(RequestItems={table: batch})
            batch = []
    if batch:
        client.batch_write_item(RequestItems={table: batch})


class Tape:
    """Answers a client's calls with what the engine once answered: a database of no latency."""

    def __init__(self, client: Any) -> None:
        """Take the client whose calls are to be recorded and played."""
        self._events = client.meta.events
        self._recorded: list[tuple[int, bytes]] = []
        self._place = 0

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Let calls through and keep what comes back."""

        def keep(request: AWSPreparedRequest, **_: object) -> AWSResponse:
            response = URLLib3Session().send(request)
            self._recorded.append((response.status_code, response.content))
            return response

        with self._hooked(keep):
            yield

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Answer calls in the order of the recording, over and over."""

        def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
            status, content = self._recorded[self._place % len(self._recorded)]
            self._place += 1
            body = HTTPResponse(BytesIO(content), preload_content=False)
            return AWSResponse(request.url, status, HTTPHeaders(), body)

        with self._hooked(answer):
            yield

    @contextmanager
    def _hooked(self, hook: Any) -> Iterator[None]:
        self._events.register_last("before-send.dynamodb", hook)
        try:
            yield
        finally:
            self._events.unregister("before-send.dynamodb", hook)


class UnitMeter:
    """Adds up the capacity units that a client's calls consume."""

    def __init__(self, client: Any) -> None:
        """Ask for them in every call from now on."""
        self.units = self.calls = 0.0
        client.meta.events.register("before-parameter-build.dynamodb", self._ask)
        client.meta.events.register("after-call.dynamodb", self._count)

    def _ask(self, params: dict[str, Any], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def _count(self, parsed: Mapping[str, Any], **_: object) -> None:
        consumed = parsed.get("ConsumedCapacity") or []
        parts: Sequence[Any] = consumed if isinstance(consumed, list) else [consumed]
        self.calls += 1
        self.units += sum(part["CapacityUnits"] for part in parts)
