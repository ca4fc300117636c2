"""The largest items that the contract and the data allow, as the tables store them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.session.effects import EntrySaved, ProgressChange
from domain.session.pool import PoolEntry
from domain.session.state import Session
from domain.statistics.learner import MAX_CATEGORIES as OWN_FIGURES
from domain.statistics.learner import CategoryTally, LearnerTally, Ledger
from domain.statistics.streaks import Run, Span
from lambdas.contract.bodies.bank_import import MAX_CATEGORIES
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.questions.draft_identity import new_record, record_keys
from lambdas.shared.store.batch import batch_write
from lambdas.shared.store.packing import packed_learner, packed_ledger
from lambdas.shared.store.questions import Reference, item_from_record
from lambdas.shared.store.sessions import DAY, item_from_session
from tests.integration.deep_sessions import busiest
from tests.integration.stage import START, InvokedStage

LONGEST = tuple(f"{number:02d}{'c' * 46}" for number in range(MAX_CATEGORIES))
CATEGORY = LONGEST[0]
CHARACTER = "\N{BRAIN}"
"""Takes four bytes, the most."""


def largest(category: str, number: int, **other: Any) -> dict[str, Any]:
    """Return a question of the largest size that the contract allows: about 77 KB."""
    answers = [
        {"text": f"{'wrong' if n else 'right'} {n} ".ljust(1_000, CHARACTER), "correct": not n}
        for n in range(10)
    ]
    return {
        "category": category,
        "text": f"{number} ".ljust(4_000, CHARACTER),
        "type": "SINGLE_CHOICE",
        "answers": answers,
        "explanation": CHARACTER * 4_000,
        "tags": [f"{n} ".ljust(49, CHARACTER) + "." for n in range(20)],
        "externalId": f"{category} {number} ".ljust(127, CHARACTER) + ".",
        **other,
    }


def write(stage: InvokedStage, table: Any, items: Iterable[Mapping[str, Any]]) -> None:
    puts = [{"PutRequest": {"Item": item}} for item in items]
    batch_write(stage.services.database, table.name, puts)


def bank(stage: InvokedStage, *drafts: Mapping[str, Any], retired: bool = False) -> list[str]:
    """Write published questions with their references; return their ids."""
    sizes: dict[str, int] = {}
    items, ids = [], []
    for each in drafts:
        category = each["category"]
        ordinal = sizes.get(category, 0)
        sizes[category] = ordinal + 1
        ids.append(f"{category}:{ordinal:06d}")
        record = new_record(ids[-1], QuestionDraft.read(each), START)
        item = item_from_record(record)
        item["retired"] = {"BOOL": retired}
        items.append(item)
        for key in record_keys(record):
            put = stage.services.questions.put_reference(key, Reference(ids[-1]))
            items.append(put.request["Put"]["Item"])
    write(stage, stage.services.questions, items)
    stage.publish(sizes)
    return ids


def many(count: int, category: str = CATEGORY) -> list[dict[str, Any]]:
    return [largest(category, number) for number in range(count)]


def put_session(stage: InvokedStage, session: Session) -> Session:
    write(stage, stage.services.sessions, [item_from_session(session)])
    return session


def learner_at_the_limits(stage: InvokedStage) -> None:
    """Give Ada totals of 500 categories, and the ledger of a day with 1,200 sessions."""
    large = 10**6
    run = Run(*[large] * 5)
    names = (f"{n:048d}" for n in range(OWN_FIGURES))
    tally = LearnerTally(
        as_of=10**13,
        time_spent=10**12,
        categories=dict.fromkeys(names, CategoryTally(*[large] * 4)),
        days={START // DAY - day: run for day in range(62)},
        before=run,
    )
    ledger: Ledger = {f"{16**26 + n:027x}": (Span(1, Run(*[30] * 5)),) for n in range(1_200)}
    values = {
        "displayName": {"S": CHARACTER * 80},
        "tally": {"B": packed_learner(tally)},
        "tallyVersion": {"N": "1"},
        "ledger": {"B": packed_ledger(ledger)},
        "ledgerDay": {"N": str(START // DAY)},
    }
    write(stage, stage.services.users, [{**stage.services.users.key("ada"), **values}])


def largest_session(**changes: Any) -> Session:
    """Return a session of eight categories whose item takes the most bytes."""
    return BUSIEST._replace(user_id="ada", **changes)


BUSIEST = busiest([*LONGEST[1:8], CATEGORY], CHARACTER * 80, pool_entries=100)


def put_entries(stage: InvokedStage, session: Session, entries: Iterable[PoolEntry]) -> None:
    table = stage.services.wrong_answers
    write(
        stage,
        table,
        (table.change(session, EntrySaved(each, (0,), new=True)).item for each in entries),
    )


def put_records(stage: InvokedStage, session_id: str, question_ids: Iterable[str]) -> None:
    """Write the learner's records of questions, each answered right in the session."""
    items = []
    for each in question_ids:
        change = ProgressChange(
            session_id=session_id,
            number=999_999,
            right_before=999_999,
            pool_entries=999_999,
            question_id=each,
            version=1,
            correct=True,
            mastered=True,
            selected=(0,),
            time_spent=10**9,
            at=START,
        )
        update = stage.services.progress.update("ada", change).request["Update"]
        values = update["ExpressionAttributeValues"]
        items.append(
            {
                **update["Key"],
                **{f"{name}SeenAt": values[":at"] for name in ("first", "last")},
                **dict.fromkeys(("attempts", "correct", "wrong"), values[":number"]),
                "lastChoice": values[":choice"],
                "lastVersion": values[":version"],
                "sessionId": values[":session"],
                "missedIn": values[":session"],
                "answerNumber": values[":number"],
                "rightBefore": values[":right"],
                "poolEntries": values[":pool"],
                "review": values[":review"],
                "mastered": values[":mastered"],
                "timeSpent": values[":time"],
            }
        )
    write(stage, stage.services.progress, items)


def put_questions(stage: InvokedStage, ids: Sequence[str]) -> None:
    items = []
    for number, each in enumerate(ids):
        draft_of = QuestionDraft.read(largest(CATEGORY, number))
        items.append(item_from_record(new_record(each, draft_of, START)))
    write(stage, stage.services.questions, items)
