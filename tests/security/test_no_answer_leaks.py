"""Nothing reveals the right choice before it was found.

Two banks that differ in nothing but which choice is right (and in the explanation of it)
are played alike, by choices wrong in both. Any leak would make a difference: not a byte
of any response or log line differs.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import pytest

from domain.question import Choice, Question
from domain.session.drawing import advance
from domain.session.engine import answer, new_session
from domain.session.state import Session
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.shared.http.views import question_view
from lambdas.shared.telemetry.metrics import METRICS, MILLISECONDS
from tests.integration.stage import (
    ROUTE,
    START,
    TABLES,
    InvokedStage,
    Reply,
    cancels,
    refuses,
    unreachable,
)
from tests.unit.domain.builders import source
from tests.unit.domain.chi_square import chi_square, limit

TEXTS = ("alpha", "gamma", "delta", "sigma")
EXPLAINED = "Explained"
LEARNERS = {route.operation for route in ROUTES if route.access is not Access.ADMIN}
SHOWN_FIELDS = {
    *("questionId", "turn", "text", "type", "answers", "shuffled", "fromWrongPool"),
    *("questionNumber", "language", "reason"),
}
PLAYED_FIELDS = {
    *("questionId", "category", "text", "type", "language", "answers", "edited"),
}
SESSION_FIELDS = {
    *("sessionId", "name", "status", "version", "sources", "settings", "createdAt", "updatedAt"),
    *("expiresAt", "progress"),
}


def bank(right: frozenset[int], *, multiple: bool, edited: bool = False) -> dict[str, Any]:
    """Return a request that saves four questions, the last choice of each pinned."""
    named = ", ".join(TEXTS[index] for index in sorted(right))
    return {
        "questions": [
            {
                "category": "greek",
                "text": f"Which of them, {number}{', edited' if edited else ''}?",
                "type": "MULTIPLE_CHOICE" if multiple else "SINGLE_CHOICE",
                "answers": [
                    {"text": text, "correct": index in right, "pinned": index == 3}
                    for index, text in enumerate(TEXTS)
                ],
                "explanation": f"{EXPLAINED}: {'again and ' * min(right)}{named}.",
                "externalId": f"q-{number}",
            }
            for number in range(4)
        ]
    }


@dataclass
class Transcript:
    """All that leaves the functions while a bank is played."""

    stage: InvokedStage
    wrong: frozenset[int]
    replies: list[tuple[str, Reply]] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def call(self, operation: str, body: object = None, **other: Any) -> Reply:
        event = self.stage.event(operation, body, **other)
        self.stage.read_output()
        reply = self.stage.handle(ROUTE[operation].function, event)
        self.replies.append((operation, reply))
        self.logged += self.stage.read_output().splitlines()
        return reply

    @property
    def told(self) -> list[str]:
        """Every byte of it, without durations."""
        return [
            *(json.dumps(untimed(json.loads(line))) for line in self.logged),
            *(
                json.dumps([operation, reply.status, dict(reply.headers), reply.text])
                for operation, reply in self.replies
            ),
        ]

    def miss(self, session_id: str, shown: dict[str, Any], **other: Any) -> Reply:
        """Answer with what is wrong in both banks."""
        return self.call(
            "submitAnswer",
            {
                "questionId": shown["questionId"],
                "turn": shown["turn"],
                "selectedAnswers": self.choices(shown, self.wrong),
                **other,
            },
            path={"sessionId": session_id},
        )

    @staticmethod
    def choices(shown: dict[str, Any], wanted: Iterable[int]) -> list[str]:
        texts = {TEXTS[index] for index in wanted}
        return sorted(each["id"] for each in shown["answers"] if each["text"] in texts)


def untimed(line: dict[str, Any]) -> dict[str, Any]:
    """Return a log line without durations."""
    passing = {name for name, metric in METRICS.items() if metric.unit == MILLISECONDS}
    return {name: value for name, value in line.items() if name not in {*passing, "_aws"}}


def emptied(stage: InvokedStage) -> None:
    """Take a stage back to how it began: no items, the first moment, the same randomness."""
    for operation in LEARNERS:  # a first call logs a cold start
        stage.call(operation, path={"sessionId": "-", "userId": "-"})
    client = stage.services.database.client
    for table in TABLES:
        name = getattr(stage.services, table).name
        keys = [
            each["AttributeName"]
            for each in client.describe_table(TableName=name)["Table"]["KeySchema"]
        ]
        for item in stage.rows(table):
            client.delete_item(TableName=name, Key={key: item[key] for key in keys})
    assert not any(stage.everything().values())
    stage.records()
    stage.forget_questions()
    stage.clock.now = START
    stage.services.entropy = Random("the same").randbytes
    stage._ids = count()  # noqa: SLF001 - request ids begin anew as well


def saved_anew(stage: InvokedStage, right: frozenset[int], *, multiple: bool) -> None:
    emptied(stage)
    assert stage.admin("saveQuestions", bank(right, multiple=multiple)).status == 200
    titled = {"title": "Letters", "description": "Greek.", "settings": {"policy": "RATIO"}}
    assert stage.admin("updateCategory", titled, path={"category": "greek"}).status == 200


def played(
    stage: InvokedStage, right: frozenset[int], wrong: frozenset[int], *, multiple: bool
) -> Transcript:
    """Play a bank without ever being right, and look at everything on the way."""
    saved_anew(stage, right, multiple=multiple)
    transcript = Transcript(stage, wrong)
    look = transcript.call
    look("getHealth")
    look("listCategories")
    preferred = {"displayName": "Ada", "timeZone": "Asia/Kathmandu", "wrongAnswerPercentage": 50}
    assert look("updateUser", preferred, path={"userId": "me"}).status == 200
    sources = {"sources": [{"category": "greek", "questionCount": 3}]}
    first = look("startSession", sources).body["sessionId"]
    spaced = sources | {"settings": {"policy": "SPACED", "spacing": {"firstLag": 1}}}
    second = look("startSession", spaced, headers={"Idempotency-Key": "k"}).body["sessionId"]
    session_id, shown, where = first, {}, {}
    for session_id in (first, second):
        where = {"sessionId": session_id}
        shown = look("getQuestion", path=where).body["question"]
        look("getQuestion", path=where)
        for _ in range(4):  # every retry shuffles anew
            stage.clock.advance(1_500)
            again = transcript.miss(session_id, shown, timeSpent=1.5)
            transcript.miss(session_id, shown)  # a repeat
            assert again.body["correct"] is False
            shown = again.body["question"]
            look("getQuestion", path=where)
        if session_id == first:
            hostile(transcript, first, shown, multiple=multiple)
        version = look("getSession", path=where).body["version"]
        paused = look("updateSession", {"version": version, "status": "PAUSED"}, path=where)
        look("getQuestion", path=where)
        transcript.miss(session_id, shown)
        resumed = {"version": paused.body["version"], "status": "ACTIVE", "name": "again"}
        look("updateSession", resumed, path=where)
    everything_listed(transcript, session_id)
    assert stage.admin("saveQuestions", bank(right, multiple=multiple, edited=True)).status == 200
    stage.forget_questions()
    assert transcript.miss(session_id, shown).body["code"] == "QUESTION_CHANGED"
    look("abandonSession", path=where)
    transcript.miss(session_id, shown)
    look("startSession", {"review": {}})
    stage.count()
    everything_listed(transcript, session_id)
    return transcript


def hostile(
    transcript: Transcript, session_id: str, shown: dict[str, Any], *, multiple: bool
) -> None:
    """Ask in every wrong way, with the right choice among others too."""
    path, every = {"sessionId": session_id}, Transcript.choices(shown, range(4))
    wrong = transcript.choices(shown, transcript.wrong)
    another = "greek:000000" if shown["questionId"] != "greek:000000" else "greek:000001"
    bodies: list[dict[str, Any]] = [
        {"turn": shown["turn"] - 1, "selectedAnswers": wrong},
        {"turn": shown["turn"] + 1, "selectedAnswers": wrong},
        {"questionId": another, "selectedAnswers": wrong},
        {"questionId": "none:000000", "selectedAnswers": wrong},
        *({"turn": shown["turn"] + 1, "selectedAnswers": [each]} for each in every),
        *({"selectedAnswers": [each, "zzzzzzz7"]} for each in every),
        *({"selectedAnswers": [each, each]} for each in every),
        {"selectedAnswers": ["00000007"]},
        {"selectedAnswers": []},
        {"selectedAnswers": wrong, "isCorrect": True},
    ]
    if not multiple:
        bodies += [{"selectedAnswers": [one, two]} for one in every for two in every if one < two]
    for body in bodies:
        refused = transcript.call(
            "submitAnswer", {"questionId": shown["questionId"], **body}, path=path
        )
        assert refused.status in (409, 422), body


LISTS = (
    "listSessions",
    "listSessionQuestions",
    "listQuestionProgress",
    "listWrongAnswers",
    "exportUser",
)


def everything_listed(transcript: Transcript, session_id: str) -> None:
    path = {"userId": "me", "sessionId": session_id}
    transcript.call("getUser", path=path)
    transcript.call("getProgress", path=path)
    for operation in LISTS:
        include = any(each.name == "include" for each in ROUTE[operation].query)
        query = {"limit": "1", **({"include": "question"} if include else {})}
        page = transcript.call(operation, path=path, query=query)
        while token := page.body.get("nextToken"):
            page = transcript.call(operation, path=path, query={**query, "nextToken": token})


CASES = {
    "the first or the second": (frozenset({0}), frozenset({1}), frozenset({2}), False),
    "the first or the pinned": (frozenset({0}), frozenset({3}), frozenset({1}), False),
    "the second or the third": (frozenset({1}), frozenset({2}), frozenset({3}), False),
    "two of them or two others": (frozenset({0, 1}), frozenset({2, 3}), frozenset({0, 2}), True),
    "one of them or three": (frozenset({0}), frozenset({1, 2, 3}), frozenset({0, 1}), True),
    "overlapping": (frozenset({0, 1}), frozenset({0, 2}), frozenset({0}), True),
}


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's clock stands still, so that log lines of two runs may be compared."""
    monkeypatch.setattr(time, "time_ns", lambda: START * 1_000_000)


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize(("one", "other", "wrong", "multiple"), CASES.values(), ids=CASES)
def test_no_byte_depends_on_which_choice_is_right(
    one: frozenset[int],
    other: frozenset[int],
    wrong: frozenset[int],
    multiple: bool,
    stage: InvokedStage,
) -> None:
    transcripts = []
    for right in (one, other):
        transcripts.append(played(stage, right, wrong, multiple=multiple))
        transcripts[-1].call("eraseUser", path={"userId": "me"})
    first, second = transcripts
    assert len(first.replies) >= 70
    assert {operation for operation, _ in first.replies} == LEARNERS
    assert first.told == second.told


@pytest.mark.usefixtures("still")
def test_the_comparison_sees_what_a_right_answer_tells(stage: InvokedStage) -> None:
    """Were there a difference, it would be found: of one bit, the grade."""
    told = []
    for right in (frozenset({0}), frozenset({1})):
        transcript = played(stage, right, frozenset({2}), multiple=False)
        session_id = transcript.call("startSession", {"sources": [{"category": "greek"}]}).body[
            "sessionId"
        ]
        shown = transcript.call("getQuestion", path={"sessionId": session_id}).body["question"]
        transcript.wrong = frozenset({0})
        transcript.miss(session_id, shown)
        told.append(transcript.told)
    assert told[0] != told[1]


@pytest.mark.usefixtures("still")
def test_what_is_said_before_has_no_field_for_it_and_no_line_a_text(stage: InvokedStage) -> None:
    transcript = played(stage, frozenset({1}), frozenset({2}), multiple=False)
    for operation, reply in transcript.replies:
        assert EXPLAINED not in reply.text
        for name, value in members(reply.body):
            assert name not in ("explanation", "pinned", "externalId")
            if name == "correctAnswers":
                assert value == 0  # of a session's figures
            if name == "correct" and isinstance(value, bool):
                assert (operation, value) == ("submitAnswer", False)
            if name == "question" and value:
                fields = (PLAYED_FIELDS, {"text", "chosen"}), (SHOWN_FIELDS, {"id", "text"})
                of_question, of_answers = fields[operation not in LISTS]
                assert value.keys() == of_question
                assert all(each.keys() == of_answers for each in value["answers"])
                if "reason" in value:
                    assert value["reason"].keys() == {"code", "text"}
            if operation == "exportUser":
                assert name not in ("seed", "order")
            elif name == "sessions":
                assert all(each.keys() == SESSION_FIELDS for each in value)
    ids = {
        each["id"]
        for _, reply in transcript.replies
        for name, value in members(reply.body)
        if name == "answers"
        for each in value
        if "id" in each
    }
    assert len(ids) >= 30
    for line in transcript.logged:
        assert not any(secret in line for secret in (*TEXTS, *ids, EXPLAINED, "Which of them"))


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every member of the objects in a body."""
    if isinstance(value, dict):
        yield from value.items()
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from members(each)


def test_the_right_choices_and_why_come_with_a_right_answer_alone(stage: InvokedStage) -> None:
    stage.admin("saveQuestions", bank(frozenset({1}), multiple=False))
    session_id = stage.start({"category": "greek"})
    shown = stage.question(session_id)["question"]
    for index in (0, 2, 1):
        right = index == 1
        body = {
            "questionId": shown["questionId"],
            "selectedAnswers": Transcript.choices(shown, {index}),
        }
        first, again = (
            stage.call("submitAnswer", body, path={"sessionId": session_id}) for _ in range(2)
        )
        assert first.text == again.text
        told = first.body
        assert told["correct"] is right
        assert ("correctAnswers" in told, "explanation" in told) == (right, right)
        if right:
            assert told["correctAnswers"] == body["selectedAnswers"]
            assert told["explanation"].startswith(EXPLAINED)
        shown = told["question"]


def test_a_grade_that_could_not_be_saved_is_not_told(stage: InvokedStage) -> None:
    """Otherwise every choice could be tried, none of them counted."""
    stage.pauses()
    stage.admin("saveQuestions", bank(frozenset({1}), multiple=False))
    session_id = stage.start({"category": "greek"})
    shown = stage.question(session_id)["question"]
    before = stage.everything()
    told = []
    for fault in (refuses("ThrottlingException"), unreachable, cancels("TransactionConflict")):
        for each in shown["answers"]:
            body = {"questionId": shown["questionId"], "selectedAnswers": [each["id"]]}
            with stage.fault("TransactWriteItems", fault):
                reply = stage.call("submitAnswer", body, path={"sessionId": session_id})
            problem = {name: value for name, value in reply.body.items() if name != "requestId"}
            headers = {k: v for k, v in reply.headers.items() if k != "X-Request-Id"}
            told.append((reply.status, problem, headers))
        assert told[-1][0] == 503
        assert all(each == told[-1] for each in told[-4:])
    assert stage.everything() == before


# Chance: where the right choice stands, and where its id does

PRESENTATIONS = 10_000
MISSES = 4
"""Times in a row that a question is missed: each sequence shows it five times."""


def presentations(right: int) -> Iterator[tuple[int, Any, list[str]]]:
    """Yield, for each of 10,000, how often it was missed, what was shown, and all ids by index."""
    question = Question(
        question_id="greek:000000",
        version=1,
        text="Which?",
        choices=tuple(
            Choice(text, index == right, pinned=False) for index, text in enumerate(TEXTS)
        ),
        multiple=False,
    )
    wrong = frozenset({(right + 1) % 4})
    for number in range(PRESENTATIONS // (MISSES + 1)):
        session = begun(Random(f"{right} {number}").randbytes(16))
        session = advance(session, lambda ids: dict.fromkeys(ids, question), no_pool).session
        for missed in range(MISSES + 1):
            shown = question_view(session, question)
            assert shown
            by_text = {each["text"]: each["id"] for each in shown["answers"]}
            yield missed, shown, [by_text[text] for text in TEXTS]
            session = answer(session, question, wrong, now=START + missed, time_spent=0).session


def begun(seed: bytes) -> Session:
    return new_session(
        user_id="ada",
        session_id="s",
        name="",
        seed=seed,
        sources=[source("greek", 1)],
        wrong_answer_percentage=20,
        now=START,
    )


def no_pool(_: Any) -> Any:
    raise AssertionError("nothing is in the pool")


@pytest.mark.parametrize("right", range(4))
def test_neither_place_nor_id_of_the_right_choice_is_more_likely(
    right: int, record_property: Callable[[str, object], None]
) -> None:
    places: list[list[int]] = [[] for _ in range(MISSES + 1)]
    ranks: list[list[int]] = [[] for _ in range(MISSES + 1)]
    firsts: list[str] = []
    lengths: set[int] = set()
    moved: list[tuple[int, int]] = []
    for missed, shown, ids in presentations(right):
        place = [each["text"] for each in shown["answers"]].index(TEXTS[right])
        if missed:
            moved.append((places[missed - 1][-1], place))
        places[missed].append(place)
        ranks[missed].append(sorted(ids).index(ids[right]))
        firsts.append(ids[right][0])
        lengths |= {len(each) for each in ids}
    four = dict.fromkeys(range(4), 1)
    figures = {
        "places": (chi_square([p for each in places for p in each], four), 3),
        "places at first": (chi_square(places[0], four), 3),
        "places at the last retry": (chi_square(places[-1], four), 3),
        "ranks of ids": (chi_square([r for each in ranks for r in each], four), 3),
        "ranks at the last retry": (chi_square(ranks[-1], four), 3),
        "first characters": (
            chi_square(firsts, dict.fromkeys("0123456789abcdefghijklmnopqrstuv", 1)),
            31,
        ),
        "moves": (chi_square(moved, moves()), 15),
    }
    told = ", ".join(
        f"{name} {figure:.1f} ({freedom})" for name, (figure, freedom) in figures.items()
    )
    record_property(f"chi-square (degrees of freedom), right choice {right}", told)
    for name, (figure, freedom) in figures.items():
        assert figure < limit(freedom), name
    assert len(lengths) == 1


def moves() -> dict[tuple[int, int], int]:
    """Weights of (place before, place after) where every order but the one before is as likely.

    Five of 23 orders leave a choice where it was, and 6 take it to each other place.
    """
    return {
        (before, after): 5 if before == after else 6 for before in range(4) for after in range(4)
    }
