"""Arrangements of the worst case of every route: the largest request over the largest items."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from domain.session.drawing import drawn
from domain.session.policy import Spacing
from domain.session.pool import Pool, PoolEntry, Queue
from domain.session.state import LIFETIME, Session, Status, Turn
from lambdas.contract.bodies.question import MAX_QUESTIONS, QuestionDraft
from lambdas.contract.formats import MAX_PAGE
from lambdas.progress.played_questions import MAX_WITH_QUESTIONS
from lambdas.questions.draft_identity import new_record
from lambdas.questions.imports import TRANSACTIONS_A_CALL
from lambdas.session.limits import MAX_UNFINISHED
from lambdas.shared.store.imports import PendingUpdate
from lambdas.shared.store.questions import item_from_record
from lambdas.shared.store.sessions import DAY, MOST_FILTERED, item_from_session
from tests.integration.largest_items import (
    CATEGORY,
    CHARACTER,
    LONGEST,
    bank,
    largest,
    largest_session,
    learner_at_the_limits,
    many,
    put_entries,
    put_questions,
    put_records,
    put_session,
    write,
)
from tests.integration.stage import START, InvokedStage, draft, submission

Arguments = Mapping[str, Any]
Arrange = Callable[[InvokedStage], Arguments]
"""Arranges the data of a case; returns the arguments of the request for `InvokedStage.call`."""
ADMIN: Arguments = {"user": "root", "groups": ["admin"]}


def deep_session(stage: InvokedStage) -> Session:
    """Store a session of SPACED that misses the last entry it carries of both its queues.

    The question that comes next is in memory, read over a minute ago.
    """
    first, second, *_ = bank(stage, *many(2))
    passed = [
        PoolEntry(START - 100 + n, f"{CATEGORY}:{n + 1:06d}", remaining_tries=1) for n in range(20)
    ]
    waiting = [PoolEntry(START - 50 + n, f"{CATEGORY}:{n + 100:06d}") for n in range(20)]
    last = PoolEntry(START - 60, first)
    session = largest_session()
    pool = Pool(
        waiting=Queue((last,), entries=21, tries=42, mark=last.key),
        passed=Queue((), entries=20, tries=20, mark=(START - 101, first)),
    )
    session = session._replace(
        pool=pool,
        spacing=Spacing(1_000, 1_000, 100, 16),
        sources=tuple(each._replace(left=0) for each in session.sources),
        turn=Turn(first, 1, tuple(range(10)), from_pool=True, missed=True, ago=999_999),
        expires_at=START + DAY,
    )
    put_entries(stage, session, [*passed, last, *waiting])
    put_session(stage, session)
    stage.services.bank.get([second])
    return session


def path(session: Session) -> Arguments:
    return {"path": {"sessionId": session.session_id}}


def lost(stage: InvokedStage) -> Session:
    """Store such a session whose question on screen was deleted by hand, as no route does."""
    session = deep_session(stage)
    assert session.turn
    stage.clock.advance(61_000)
    stage.services.database.call(
        "delete_item",
        TableName=stage.services.questions.name,
        Key={"questionId": {"S": session.turn.question_id}},
    )
    return session


def get_lost_question(stage: InvokedStage) -> Arguments:
    return path(lost(stage))


def submit_answer(stage: InvokedStage) -> Arguments:
    session = deep_session(stage)
    shown = stage.question(session.session_id)["question"]
    stage.clock.advance(61_000)
    return {"body": submission(shown), **path(session)}


def answer_lost_question(stage: InvokedStage) -> Arguments:
    session = lost(stage)
    assert session.turn
    body = {
        "questionId": session.turn.question_id,
        "turn": session.turns,
        "selectedAnswers": ["a" * 8],
    }
    return {"body": body, **path(session)}


def start_session(stage: InvokedStage) -> Arguments:
    learner_at_the_limits(stage)
    names = LONGEST[:8]
    bank(stage, *(largest(each, 0) for each in names))
    describe(stage, names)
    sessions = [
        largest_session(session_id=f"{n:027x}", expires_at=START + LIFETIME)
        for n in range(MAX_UNFINISHED - 1)
    ]
    write(stage, stage.services.sessions, map(item_from_session, sessions))
    stage.set_start_counts(unfinished=MAX_UNFINISHED, startDay=START // DAY, starts=999)
    body = {"name": CHARACTER * 80, "sources": [{"category": each} for each in names]}
    return {"body": body, "headers": {"Idempotency-Key": "k"}}


def start_review(stage: InvokedStage) -> Arguments:
    """Leave 50 entries of 47 sessions that expire today among 350 of sessions in progress.

    The learner has 400 sessions that were not finished, the most there can be: half expired.
    """
    learner_at_the_limits(stage)
    put_questions(stage, [f"{CATEGORY}:000184"])
    number = 0
    for group, (playing, left) in enumerate(((184, [1] * 16), (166, GROUPED))):
        for at, entries in enumerate([playing, *left]):
            ends = START if at else START + LIFETIME
            session = largest_session(session_id=f"{group}{at:026x}", expires_at=ends)
            put_session(stage, session)
            owed = [
                PoolEntry(START - 10**6 + number + n, f"{CATEGORY}:{number + n if at else 0:06d}")
                for n in range(entries)
            ]
            number += entries
            put_entries(stage, session, owed)
    unfinished = 2 * MAX_UNFINISHED - 49
    others = (largest_session(session_id=f"9{n:026x}", expires_at=START) for n in range(unfinished))
    write(stage, stage.services.sessions, map(item_from_session, others))
    return {"body": {"review": {}, "name": CHARACTER * 80}, "headers": {"Idempotency-Key": "k"}}


GROUPED = [2, 2, 2, *[1] * 28]


def list_categories(stage: InvokedStage) -> Arguments:
    names = [f"{n:03d}{'c' * 45}" for n in range(MAX_PAGE + 1)]
    stage.publish(dict.fromkeys(names, 1))
    describe(stage, names)
    return {}


def describe(stage: InvokedStage, names: Iterable[str]) -> None:
    for each in names:
        texts = {"title": CHARACTER * 80, "description": CHARACTER * 800}
        stage.services.categories.describe(each, texts, None)


def list_sessions(stage: InvokedStage) -> Arguments:
    over = largest_session(status=Status.COMPLETED)
    sessions = (over._replace(session_id=f"{n:027x}") for n in range(MOST_FILTERED + 1))
    write(stage, stage.services.sessions, map(item_from_session, sessions))
    return {"query": {"status": "PAUSED", "limit": str(MAX_PAGE)}}


def one_session(stage: InvokedStage) -> Arguments:
    return path(put_session(stage, largest_session(expires_at=START + DAY)))


def update_session(stage: InvokedStage) -> Arguments:
    return {"body": {"version": 999_999, "status": "PAUSED"}, **one_session(stage)}


def list_session_questions(stage: InvokedStage) -> Arguments:
    session = largest_session()
    source = session.sources[-1]._replace(cursor=10**6)
    session = put_session(stage, session._replace(sources=(source,)))
    asked = drawn(session, 0, 4 * MAX_PAGE)
    elsewhere, here = (
        asked[: 3 * MAX_WITH_QUESTIONS],
        asked[3 * MAX_WITH_QUESTIONS : 4 * MAX_WITH_QUESTIONS],
    )
    put_records(stage, "e" * 27, elsewhere)
    put_records(stage, session.session_id, here)
    put_questions(stage, here)
    return {"query": {"limit": str(MAX_PAGE)}, **path(session)}


def user(stage: InvokedStage) -> Arguments:
    learner_at_the_limits(stage)
    return {"path": {"userId": "me"}}


def update_user(stage: InvokedStage) -> Arguments:
    return {"body": {"displayName": CHARACTER * 80}, **user(stage)}


def keeper(stage: InvokedStage, sessions: int) -> Arguments:
    """Set up a learner of so many sessions, 500 pool entries and 100 records."""
    arguments = user(stage)
    all_of_them = (largest_session(session_id=f"{n:027x}") for n in range(sessions))
    write(stage, stage.services.sessions, map(item_from_session, all_of_them))
    entries = [PoolEntry(START - 10**6 + n, f"{CATEGORY}:{n:06d}") for n in range(500)]
    put_entries(stage, largest_session(session_id="0" * 27), entries)
    put_records(stage, "0" * 27, (f"{CATEGORY}:{n:06d}" for n in range(100)))
    return arguments


def erase_user(stage: InvokedStage) -> Arguments:
    return keeper(stage, 100)


def export_user(stage: InvokedStage) -> Arguments:
    arguments = user(stage)
    sessions = (largest_session(session_id=f"{n:027x}") for n in range(MAX_PAGE - 2))
    write(stage, stage.services.sessions, map(item_from_session, sessions))
    put_entries(stage, largest_session(), [PoolEntry(START, f"{CATEGORY}:000000")])
    put_records(stage, "0" * 27, (f"{CATEGORY}:{n:06d}" for n in range(2)))
    return {"query": {"limit": str(MAX_PAGE)}, **arguments}


def get_progress(stage: InvokedStage) -> Arguments:
    return keeper(stage, 1)


def list_question_progress(stage: InvokedStage) -> Arguments:
    ids = bank(stage, *many(MAX_PAGE))
    put_records(stage, "0" * 27, ids)
    return {"path": {"userId": "me"}, "query": {"limit": str(MAX_PAGE), "include": "question"}}


def list_wrong_answers(stage: InvokedStage) -> Arguments:
    ids = bank(stage, *many(MAX_PAGE))
    put_records(stage, "0" * 27, ids)
    entries = [PoolEntry(START + n, each) for n, each in enumerate(ids)]
    put_entries(stage, largest_session(), entries)
    return {"path": {"userId": "me"}, "query": {"limit": str(MAX_PAGE), "include": "question"}}


def evenly(count: int, categories: Sequence[str], **other: Any) -> list[dict[str, Any]]:
    """Return questions that fill a body of 256 KB together."""
    return [
        draft(
            categories[n % len(categories)],
            n,
            explanation="e" * 2_000,
            externalId=f"{n} ".ljust(128, "x"),
            **other,
        )
        for n in range(count)
    ]


MANY_NAMES = [f"{n:02d}{'c' * 46}" for n in range(MAX_QUESTIONS)]


def save_new(stage: InvokedStage) -> Arguments:
    del stage
    return {"body": {"questions": evenly(MAX_QUESTIONS, MANY_NAMES)}, **ADMIN}


def save_changed(stage: InvokedStage) -> Arguments:
    bank(stage, *evenly(MAX_QUESTIONS, MANY_NAMES))
    changed = evenly(MAX_QUESTIONS, MANY_NAMES, text="Another text?")
    return {"body": {"questions": changed}, **ADMIN}


def list_questions(stage: InvokedStage) -> Arguments:
    bank(stage, *many(20), *many(1, LONGEST[1]), *many(1, LONGEST[2]))
    first = stage.admin("listQuestions", query={"limit": "1"}).body
    return {"query": {"limit": str(MAX_PAGE), "nextToken": first["nextToken"]}, **ADMIN}


def one_question(stage: InvokedStage) -> Arguments:
    (identifier,) = bank(stage, *many(1))
    return {"path": {"questionId": identifier}, **ADMIN}


def replace_question(stage: InvokedStage) -> Arguments:
    return {"body": largest(CATEGORY, 7), **one_question(stage)}


def update_category(stage: InvokedStage) -> Arguments:
    bank(stage, *many(1))
    body = {
        "title": CHARACTER * 80,
        "description": CHARACTER * 1_000,
        "settings": {"policy": "SPACED", "spacing": {"firstLag": 1_000, "pendingLimit": 16}},
    }
    return {"path": {"category": CATEGORY}, "body": body, **ADMIN}


def open_import(stage: InvokedStage) -> Arguments:
    del stage
    return {"body": {"categories": list(LONGEST)}, **ADMIN}


def opened(stage: InvokedStage) -> Arguments:
    reply = stage.admin("openImport", {"categories": list(LONGEST)})
    assert reply.status == 201, reply.body
    return {"path": {"importId": reply.body["importId"]}, **ADMIN}


def add_part(stage: InvokedStage) -> Arguments:
    arguments = opened(stage)
    # The leases are renewed with it.
    stage.clock.advance(6 * 60_000)
    return {"body": {"part": 1, "questions": evenly(MAX_QUESTIONS, LONGEST)}, **arguments}


def publish_new(stage: InvokedStage) -> Arguments:
    arguments = opened(stage)
    body = {"part": 1, "questions": evenly(MAX_QUESTIONS, LONGEST)}
    assert stage.admin("addImportPart", body, path=arguments["path"]).status == 200
    stage.clock.advance(6 * 60_000)
    return arguments


def publish_updates(stage: InvokedStage) -> Arguments:
    """Store as many updates as one call publishes, and more: a group fills two transactions."""
    arguments = opened(stage)
    found = stage.services.imports.get(arguments["path"]["importId"])
    assert found
    parts = range(TRANSACTIONS_A_CALL // 2 + 1)
    taken = found._replace(groups=len(parts), updates_left=MAX_QUESTIONS * len(parts))
    for part in parts:
        numbers = range(MAX_QUESTIONS * part, MAX_QUESTIONS * (part + 1))
        drafts = [draft(CATEGORY, number, explanation="e" * 2_000) for number in numbers]
        records = [
            new_record(f"{CATEGORY}:{number:06d}", QuestionDraft.read(each), START)
            for number, each in zip(numbers, drafts, strict=True)
        ]
        write(stage, stage.services.questions, map(item_from_record, records))
        updates = [PendingUpdate(each, each.question.version, revives=False) for each in records]
        group = stage.services.imports.put_group(taken, part + 1, updates)
        write(stage, stage.services.imports, [group.request["Put"]["Item"]])
    stage.services.transactions.write([stage.services.imports.save(taken)])
    stage.clock.advance(6 * 60_000)
    return arguments


def category_statistics(stage: InvokedStage) -> Arguments:
    bank(stage, *many(30))
    return {"path": {"category": CATEGORY}, **ADMIN}


ARRANGEMENTS: Mapping[tuple[str, str], Arrange] = {
    ("getHealth", ""): lambda _: {},
    ("listCategories", "a page of 100"): list_categories,
    ("startSession", "8 sources at the limit of sessions"): start_session,
    ("startSession", "a review of 50 questions of 47 sessions"): start_review,
    ("listSessions", "1,000 sessions filtered"): list_sessions,
    ("getSession", ""): one_session,
    ("updateSession", "on a later day"): update_session,
    ("abandonSession", ""): one_session,
    ("getQuestion", "the question on screen is gone"): get_lost_question,
    ("submitAnswer", "both queues refilled, missed again"): submit_answer,
    ("submitAnswer", "the question on screen is gone"): answer_lost_question,
    ("listSessionQuestions", "most of them answered elsewhere"): list_session_questions,
    ("getUser", ""): user,
    ("updateUser", ""): update_user,
    ("eraseUser", "100 sessions, 500 pool entries, 100 records"): erase_user,
    ("exportUser", "a page of 100"): export_user,
    ("getProgress", "500 pool entries"): get_progress,
    ("listQuestionProgress", "with questions"): list_question_progress,
    ("listWrongAnswers", "with questions"): list_wrong_answers,
    ("saveQuestions", "100 new ones in 100 categories"): save_new,
    ("saveQuestions", "100 changed ones in 100 categories"): save_changed,
    ("listQuestions", "a page of 1 MB"): list_questions,
    ("getBankQuestion", ""): one_question,
    ("replaceQuestion", ""): replace_question,
    ("retireQuestion", ""): one_question,
    ("openImport", "90 categories"): open_import,
    ("getImport", "90 categories"): opened,
    ("addImportPart", "100 new ones in 90 categories"): add_part,
    ("publishImport", "new ones in 90 categories"): publish_new,
    ("publishImport", "ten transactions of updates"): publish_updates,
    ("deleteImport", "90 categories"): opened,
    ("updateCategory", ""): update_category,
    ("getQuestionStatistics", ""): one_question,
    ("getCategoryStatistics", "30 questions"): category_statistics,
}
"""By operation and case."""
