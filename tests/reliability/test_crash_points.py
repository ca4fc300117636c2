"""A function may die, and a reply be lost, at any call to the database of any route."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.retries.standard import ExponentialBackoff

from lambdas.contract.routes import ROUTES
from lambdas.questions.bank_writer import LEASE
from tests.integration.stage import ROUTE, TABLES, Reply, Stage, draft, drafts
from tests.reliability.chaos import CrashError, deliver
from tests.support.reference_model import LIFETIME

KINDS = ("crash before", "crash after", "reply lost", "duplicated")

Snapshot = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Asked:
    """A request of a client, to be sent again as it is."""

    operation: str
    body: Any = None
    user: str = "ada"
    groups: tuple[str, ...] = ()
    path: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Interference:
    """Counts calls to the database, and meets the one at `place` with a fault."""

    place: int = -1
    kind: str = ""
    calls: int = 0
    dead: bool = False

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        if self.dead:
            raise CrashError
        self.calls += 1
        if self.calls - 1 != self.place:
            return None
        if self.kind == "crash before":
            self.dead = True
            raise CrashError
        response = deliver(request)
        if self.kind == "crash after":
            self.dead = True
            raise CrashError
        if self.kind == "reply lost":
            raise ReadTimeoutError(endpoint_url=request.url)
        return deliver(request) if self.kind == "duplicated" else response


@contextmanager
def interfering(stage: Stage, how: Interference) -> Iterator[None]:
    hook: Any = how
    clients = (stage.services.database.client, stage.services.cognito)
    for client in clients:
        client.meta.events.register_first("before-send", hook)
    try:
        with patch.object(ExponentialBackoff, "delay_amount", return_value=0.0):
            yield
    finally:
        for client in clients:
            client.meta.events.unregister("before-send", hook)


def send(stage: Stage, asked: Asked) -> Reply:
    """Send a request to a function that just began."""
    stage.forget_questions()
    event = stage.event(
        asked.operation,
        asked.body,
        user=asked.user,
        groups=asked.groups,
        path=asked.path,
        headers=asked.headers,
    )
    return stage.handle(ROUTE[asked.operation].function, event)


def restore(stage: Stage, snapshot: Snapshot) -> None:
    """Make the tables hold what they held before."""
    for table in TABLES:
        name = getattr(stage.services, table).name
        there = {repr(_key(table, row)): row for row in stage.rows(table)}
        wanted = {repr(_key(table, row)): row for row in snapshot[table]}
        changes: list[Any] = [
            {"DeleteRequest": {"Key": _key(table, there[key])}}
            for key in there.keys() - wanted.keys()
        ]
        changes += [
            {"PutRequest": {"Item": row}} for key, row in wanted.items() if there.get(key) != row
        ]
        for at in range(0, len(changes), 25):
            stage.services.database.client.batch_write_item(
                RequestItems={name: changes[at : at + 25]}
            )


def _key(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "users": ["userId"],
        "questions": ["questionId"],
        "sessions": ["userId", "sessionId"],
        "progress": ["userId", "questionId"],
        "wrong_answers": ["userId", "timestamp"],
    }
    return {name: row[name] for name in names[table]}


def told(stage: Stage, before: Snapshot) -> str:
    """Return what the tables hold, in words that do not depend on chance or on waiting.

    A new session's draw depends on its seed, and its id is made up. References that lead to no
    question of their content count for nothing; one that was there before may still be.
    """
    rows = stage.everything()
    known = {row["sessionId"]["S"] for row in before["sessions"]}
    new = []
    for row in rows["sessions"]:
        if row["sessionId"]["S"] in known:
            continue
        new.append(row["sessionId"]["S"])
        row.pop("seed", None)
        row.get("turn", {}).get("M", {}).pop("order", None)
    for row in rows["questions"]:
        # A revision: questions may have been edited. An edit tried twice may count twice.
        row.pop("revision", None)
        # Whose turn an import is, is random, and its times depend on when it was opened.
        row.pop("turn", None)
        for name in ("expiresAt", "leasedUntil", "ttl"):
            if name in row:
                row[name] = "later"
    contents = {row["questionId"]["S"]: row.get("contentKey", {}) for row in rows["questions"]}
    rows["questions"] = [
        row
        for row in rows["questions"]
        if not (
            "refersTo" in row
            and row in before["questions"]
            and row["questionId"]["S"] != contents.get(row["refersTo"]["S"], {}).get("S")
        )
    ]
    for row in rows["questions"]:
        for name in ("createdAt", "updatedAt"):
            row.pop(name, None)
    text = json.dumps(rows, sort_keys=True, default=repr)
    for each in new:
        text = text.replace(each, "NEW SESSION")
    return json.dumps(
        {table: sorted(map(json.dumps, some)) for table, some in json.loads(text).items()},
        indent=1,
    )


# --- cases -----------------------------------------------------------------------------------

Case = Callable[[Stage], Asked]
CASES: dict[str, Case] = {}


def case(make: Case) -> Case:
    CASES[make.__name__] = make
    return make


def admin(operation: str, body: Any = None, **path: str) -> Asked:
    return Asked(operation, body, "root", ("admin",), path)


def answering(session_id: str, body: Mapping[str, Any], *, right: bool = True) -> Asked:
    shown = body["question"]
    wanted = "right" if right else "wrong"
    chosen = next(each["id"] for each in shown["answers"] if each["text"].startswith(wanted))
    said = {
        "questionId": shown["questionId"],
        "turn": shown["turn"],
        "selectedAnswers": [chosen],
        "timeSpent": 1.5,
    }
    return Asked("submitAnswer", said, path={"sessionId": session_id})


def play(stage: Stage, session_id: str, answers: str) -> Any:
    """Answer by letters: r is right, w is wrong; return what is on screen then."""
    body = stage.question(session_id)
    for letter in answers:
        stage.clock.advance(1_000)
        body = stage.answer(session_id, body["question"], right=letter == "r").body
    return body


def started(stage: Stage, questions: int = 3, percentage: int = 0) -> str:
    stage.save(*drafts("rivers", questions))
    return stage.start({"category": "rivers"}, percentage=percentage)


def left_over(stage: Stage) -> str:
    """Have a session abandoned that owes one question."""
    session_id = started(stage, 1)
    play(stage, session_id, "wr")
    assert stage.call("abandonSession", path={"sessionId": session_id}).status == 204
    return session_id


@case
def wrong(stage: Stage) -> Asked:
    session_id = started(stage)
    return answering(session_id, play(stage, session_id, ""), right=False)


@case
def wrong_again(stage: Stage) -> Asked:
    session_id = started(stage)
    return answering(session_id, play(stage, session_id, "w"), right=False)


@case
def right_at_first_try(stage: Stage) -> Asked:
    session_id = started(stage)
    return answering(session_id, play(stage, session_id, "r"))


@case
def entering_the_pool(stage: Stage) -> Asked:
    session_id = started(stage)
    return answering(session_id, play(stage, session_id, "w"))


@case
def lowering_an_entry(stage: Stage) -> Asked:
    session_id = started(stage, 1)
    return answering(session_id, play(stage, session_id, "wr"))


@case
def leaving_the_pool(stage: Stage) -> Asked:
    session_id = started(stage, 2)
    return answering(session_id, play(stage, session_id, "wrwrrr"))


@case
def starting_an_entry_again(stage: Stage) -> Asked:
    session_id = started(stage, 2)
    return answering(session_id, play(stage, session_id, "wrwrw"))


@case
def the_last_answer(stage: Stage) -> Asked:
    session_id = started(stage, 1)
    return answering(session_id, play(stage, session_id, ""))


@case
def refilling_the_head(stage: Stage) -> Asked:
    session_id = started(stage, 18)
    body = play(stage, session_id, "wr" * 18)
    for _ in range(50):
        held = stage.services.sessions.get("ada", session_id)
        assert held
        if len(held.pool.head) == 1 and held.pool.beyond_head:
            return answering(session_id, body)
        body = play(stage, session_id, "r")
    raise AssertionError("the head never ran out")


@case
def the_same_answer_again(stage: Stage) -> Asked:
    session_id = started(stage)
    asked = answering(session_id, play(stage, session_id, ""))
    assert send(stage, asked).status == 200
    return asked


@case
def an_answer_to_a_turn_gone_by(stage: Stage) -> Asked:
    session_id = started(stage)
    asked = answering(session_id, play(stage, session_id, ""))
    play(stage, session_id, "rw")
    return asked


@case
def an_answer_to_a_question_edited_since(stage: Stage) -> Asked:
    session_id = started(stage)
    body = play(stage, session_id, "")
    identifier = body["question"]["questionId"]
    stage.replace(identifier, draft("rivers", 99))
    return answering(session_id, body)


@case
def an_answer_to_a_question_that_is_gone(stage: Stage) -> Asked:
    session_id = started(stage)
    body = play(stage, session_id, "")
    stage.lose(body["question"]["questionId"])
    return answering(session_id, body)


@case
def an_answer_after_which_retired_ones_are_passed_over(stage: Stage) -> Asked:
    session_id = started(stage, 5)
    body = play(stage, session_id, "")
    for number in range(5):
        if f"rivers:{number:06d}" != body["question"]["questionId"]:
            stage.retire(f"rivers:{number:06d}")
    return answering(session_id, body)


@case
def showing_a_question(stage: Stage) -> Asked:
    return Asked("getQuestion", path={"sessionId": started(stage)})


@case
def showing_what_takes_the_place_of_a_question_that_is_gone(stage: Stage) -> Asked:
    session_id = started(stage)
    stage.lose(play(stage, session_id, "")["question"]["questionId"])
    return Asked("getQuestion", path={"sessionId": session_id})


@case
def withdrawing_a_pool_entry_whose_question_is_gone(stage: Stage) -> Asked:
    session_id = started(stage, 2)
    stage.lose(play(stage, session_id, "wrwr")["question"]["questionId"])
    return Asked("getQuestion", path={"sessionId": session_id})


KEY = {"Idempotency-Key": "once"}
SOURCES = {"sources": [{"category": "rivers"}]}


@case
def starting_with_a_key(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 1))
    return Asked("startSession", {**SOURCES, "settings": {"wrongAnswerPercentage": 5}}, headers=KEY)


@case
def starting_with_a_key_and_the_learners_preference(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 1))
    return Asked("startSession", SOURCES, headers=KEY)


@case
def starting_again_with_the_same_key(stage: Stage) -> Asked:
    asked = starting_with_a_key(stage)
    assert send(stage, asked).status == 201
    return asked


@case
def starting_a_review(stage: Stage) -> Asked:
    left_over(stage)
    return Asked("startSession", {"review": {}}, headers=KEY)


@case
def starting_a_review_again_when_nothing_is_left(stage: Stage) -> Asked:
    asked = starting_a_review(stage)
    assert send(stage, asked).status == 201
    return asked


@case
def reviewing_what_expired_sessions_left(stage: Stage) -> Asked:
    first = started(stage, 1)
    second = stage.start({"category": "rivers"})
    play(stage, first, "wr")
    play(stage, second, "wrr")
    stage.clock.advance(LIFETIME)
    return Asked("startSession", {"review": {}}, headers=KEY)


@case
def reviewing_what_has_no_question_any_more(stage: Stage) -> Asked:
    session_id = started(stage, 2)
    play(stage, session_id, "wrwr")
    stage.clock.advance(LIFETIME)
    oldest = min(row["timestamp"]["S"] for row in stage.rows("wrong_answers"))
    stage.lose(oldest.partition("#")[2])
    return Asked("startSession", {"review": {}}, headers=KEY)


def changing(stage: Stage, **wanted: str) -> Asked:
    session_id = started(stage)
    return Asked("updateSession", {"version": 1, **wanted}, path={"sessionId": session_id})


@case
def renaming(stage: Stage) -> Asked:
    return changing(stage, name="Rivers")


@case
def pausing(stage: Stage) -> Asked:
    return changing(stage, status="PAUSED")


@case
def resuming(stage: Stage) -> Asked:
    asked = pausing(stage)
    assert send(stage, asked).status == 200
    return Asked("updateSession", {"version": 2, "status": "ACTIVE"}, path=asked.path)


@case
def changing_what_changed_since(stage: Stage) -> Asked:
    asked = changing(stage, name="Rivers")
    play(stage, asked.path["sessionId"], "r")
    return asked


@case
def abandoning(stage: Stage) -> Asked:
    return Asked("abandonSession", path={"sessionId": started(stage)})


@case
def abandoning_again(stage: Stage) -> Asked:
    return Asked("abandonSession", path={"sessionId": left_over(stage)})


@case
def reading_a_session(stage: Stage) -> Asked:
    return Asked("getSession", path={"sessionId": started(stage)})


@case
def listing_sessions(stage: Stage) -> Asked:
    started(stage)
    return Asked("listSessions")


@case
def listing_a_sessions_questions(stage: Stage) -> Asked:
    session_id = started(stage)
    play(stage, session_id, "wr")
    return Asked("listSessionQuestions", path={"sessionId": session_id})


@case
def reading_a_profile(_: Stage) -> Asked:
    return Asked("getUser", path={"userId": "me"})


@case
def changing_a_profile(_: Stage) -> Asked:
    return Asked("updateUser", {"displayName": "Ada"}, path={"userId": "me"})


@case
def reading_progress(stage: Stage) -> Asked:
    left_over(stage)
    return Asked("getProgress", path={"userId": "me"})


@case
def listing_progress(stage: Stage) -> Asked:
    left_over(stage)
    return Asked("listQuestionProgress", path={"userId": "me"})


@case
def listing_wrong_answers(stage: Stage) -> Asked:
    left_over(stage)
    return Asked("listWrongAnswers", path={"userId": "me"})


@case
def listing_categories(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 1))
    return Asked("listCategories")


@case
def exporting(stage: Stage) -> Asked:
    left_over(stage)
    return Asked("exportUser", path={"userId": "me"})


@case
def erasing(stage: Stage) -> Asked:
    left_over(stage)
    return Asked("eraseUser", path={"userId": "me"})


@case
def erasing_again(stage: Stage) -> Asked:
    asked = erasing(stage)
    assert send(stage, asked).status == 204
    return asked


@case
def asking_for_health(_: Stage) -> Asked:
    return Asked("getHealth")


@case
def listing_the_bank(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("listQuestions")


@case
def reading_the_bank(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("getBankQuestion", questionId="rivers:000001")


@case
def asking_how_a_question_behaves(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("getQuestionStatistics", questionId="rivers:000001")


@case
def asking_how_a_category_behaves(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("getCategoryStatistics", category="rivers")


def saving(*questions: Mapping[str, Any]) -> Asked:
    return admin("saveQuestions", {"questions": questions})


@case
def saving_the_first_questions(_: Stage) -> Asked:
    return saving(*drafts("rivers", 2), *drafts("stars", 1))


@case
def saving_more_than_a_transaction_holds(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 1))
    return saving(*drafts("rivers", 35))


@case
def saving_what_is_new_and_what_is_changed(stage: Stage) -> Asked:
    stage.save(draft("rivers", 0, externalId="a"), draft("rivers", 1))
    return saving(
        draft("rivers", 7, externalId="a"),
        draft("rivers", 1, difficulty=3),
        draft("rivers", 2),
        {"category": "rivers"},
    )


@case
def saving_what_is_there_already(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return saving(*drafts("rivers", 2))


@case
def updating_as_many_as_a_request_holds(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 100))
    return saving(*(draft("rivers", number, difficulty=2) for number in range(100)))


@case
def replacing(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("replaceQuestion", draft("rivers", 8), questionId="rivers:000001")


@case
def replacing_with_the_same(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("replaceQuestion", draft("rivers", 1), questionId="rivers:000001")


@case
def replacing_what_was_retired(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    stage.retire("rivers:000001")
    return admin("replaceQuestion", draft("rivers", 8), questionId="rivers:000001")


@case
def retiring(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("retireQuestion", questionId="rivers:000001")


@case
def retiring_again(stage: Stage) -> Asked:
    asked = retiring(stage)
    assert send(stage, asked).status == 204
    return asked


def importing(stage: Stage, *parts: list[dict[str, Any]]) -> Asked:
    """Open an import with parts; return the request that would send the next one."""
    stage.save(draft("rivers", 0, externalId="a"), draft("rivers", 1), draft("rivers", 2))
    stage.retire("rivers:000002")
    opened = stage.admin(
        "openImport", {"categories": ["rivers", "stars"]}, headers={"Idempotency-Key": "once"}
    )
    import_id = opened.body["importId"]
    for number, part in enumerate(parts, start=1):
        asked = admin("addImportPart", {"part": number, "questions": part}, importId=import_id)
        assert send(stage, asked).status == 200
    following = {"part": len(parts) + 1, "questions": []}
    return admin("addImportPart", following, importId=import_id)


def mixed(first: int, number: int) -> list[dict[str, Any]]:
    """Return new questions of two categories, with an update of each kind before them."""
    return [
        draft("rivers", 900 + first, externalId="a"),
        draft("rivers", 1, difficulty=3),
        draft("rivers", 2),
        *(draft("rivers", first + each) for each in range(number)),
        *(draft("stars", first + each, externalId=f"s{each}") for each in range(number)),
        {"category": "rivers"},
    ]


@case
def opening_an_import(stage: Stage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return Asked("openImport", {"categories": ["rivers", "stars"]}, "root", ("admin",), headers=KEY)


@case
def adding_a_part_to_an_import(stage: Stage) -> Asked:
    asked = importing(stage)
    asked.body["questions"] = mixed(10, 30)
    return asked


@case
def adding_another_part_to_an_import(stage: Stage) -> Asked:
    asked = importing(stage, mixed(10, 3))
    asked.body["questions"] = [*mixed(10, 4), draft("rivers", 50)]
    return asked


@case
def adding_a_part_again(stage: Stage) -> Asked:
    asked = importing(stage, mixed(10, 3))
    return admin("addImportPart", {"part": 1, "questions": mixed(10, 3)}, **asked.path)


@case
def publishing_an_import(stage: Stage) -> Asked:
    asked = importing(stage, mixed(10, 3), [draft("stars", 70), draft("rivers", 70)])
    return admin("publishImport", **asked.path)


@case
def publishing_an_import_of_new_questions(stage: Stage) -> Asked:
    asked = importing(stage, [draft("rivers", 70)])
    return admin("publishImport", **asked.path)


@case
def deleting_an_import(stage: Stage) -> Asked:
    return admin("deleteImport", **importing(stage, mixed(10, 3)).path)


@case
def reading_an_import(stage: Stage) -> Asked:
    return admin("getImport", **importing(stage, mixed(10, 3)).path)


# --- what holds --------------------------------------------------------------------------------


def calls_of(stage: Stage, asked: Asked) -> tuple[int, Reply]:
    """Send a request without any fault; return how many calls it makes, and its reply."""
    counting = Interference()
    with interfering(stage, counting):
        reply = send(stage, asked)
    return counting.calls, reply


def fresh_ids(stage: Stage, number: int) -> None:
    stage.services.entropy = Random(f"ids {number}").randbytes


@pytest.mark.parametrize("name", CASES)
def test_after_one_retry_it_is_as_if_nothing_had_happened(stage: Stage, name: str) -> None:
    try_every_point(stage, name)


def try_every_point(stage: Stage, name: str) -> None:
    stage.pauses()
    fresh_ids(stage, -1)
    asked = CASES[name](stage)
    now, before = stage.clock.now, stage.everything()
    fresh_ids(stage, 0)
    calls, calm = calls_of(stage, asked)
    assert calm.status < 500
    expected = told(stage, before)
    for place in range(calls):
        for number, kind in enumerate(KINDS, start=1):
            restore(stage, before)
            stage.clock.now = now
            fresh_ids(stage, number)
            reply = None
            try:
                with interfering(stage, Interference(place, kind)):
                    reply = send(stage, asked)
            except CrashError:
                pass
            if reply is None or reply.status == 503:
                # Only the leases of plain writers have to end first.
                if asked.groups and "importId" not in asked.path:
                    stage.clock.advance(LEASE)
                reply = send(stage, asked)
            where = f"{name}: {kind} at call {place + 1} of {calls}"
            assert reply.status == calm.status or _repeated(asked, calm, reply), (
                f"{where}: {reply.status} {reply.body}"
            )
            assert told(stage, before) == expected, where
            if asked.operation == "addImportPart":
                assert reply.body == calm.body, where


def _repeated(asked: Asked, calm: Reply, reply: Reply) -> bool:
    """Whether this is how the contract answers a request that took effect before."""
    if asked.operation in ("startSession", "openImport"):
        return (calm.status, reply.status) == (201, 200)
    if asked.operation == "updateSession":
        return reply.status == 409 and reply.body["code"] == "VERSION_CONFLICT"
    return False


def test_the_points_are_those_of_every_route(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    empty = stage.everything()
    points = 0
    asked_for = set()
    for make in CASES.values():
        restore(stage, empty)
        fresh_ids(stage, -1)
        asked = make(stage)
        asked_for.add(asked.operation)
        points += calls_of(stage, asked)[0] * len(KINDS)
    assert asked_for == {route.operation for route in ROUTES}
    assert points >= 100
    record_property("crash points", f"{points} in {len(CASES)} cases")
