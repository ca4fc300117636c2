"""Count a batch of answers: each once, its effects all or none."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from domain.statistics.given_answer import GivenAnswer
from domain.statistics.item import tally_of, together
from domain.statistics.learner import Counted, count
from lambdas.analytics.records import MalformedRecordError, Record, given_answer
from lambdas.shared.services import Services
from lambdas.shared.store.errors import StoreUnavailableError, TransactionConditionError
from lambdas.shared.store.tallies import ItemKey, LedgerKey, Snapshot
from lambdas.shared.telemetry.request_log import log_fault

MOST_ITEMS = 100
"""DynamoDB's limit for one transaction, and for one BatchGetItem."""

ATTEMPTS = 5
"""Times a group of answers is read and written because others changed what was read."""

BACKOFF = 0.05
"""Seconds the first pause is drawn from, doubling, with full jitter."""


@dataclass(slots=True)
class Batch:
    """What became of a batch of so many `records`.

    `failed` is the sequence number to go on from, None when all is done; `malformed` says that a
    record there is no answer's. Answers in `counted` took effect now; `duplicates` had before;
    `too_old` are beyond what ledgers remember; `erased` are of learners who are gone; `ignored`
    records tell of no answer.
    """

    records: int
    failed: str | None = None
    malformed: bool = False
    counted: list[GivenAnswer] = field(default_factory=list)
    duplicates: int = 0
    too_old: int = 0
    erased: int = 0
    ignored: int = 0


class Told(NamedTuple):
    """An answer, and the place in its batch of the record that told of it."""

    place: int
    answer: GivenAnswer


def count_batch(services: Services, records: Sequence[Record], request_id: str) -> Batch:
    """Count the answers of a batch, up to the first record that cannot be counted.

    Lambda goes on from the sequence number returned, and gives up on everything from there
    together once its attempts are used up; when a function fails, it halves the batch (Lambda
    Developer Guide, "Configuring partial batch response with DynamoDB and Lambda"). So that a
    malformed record is given up alone, those before it are counted and it is returned; when it
    comes first, this fails, until it is by itself. What nobody foresaw is treated the same.

    Raises:
        Exception: the first record is not counted, and halving the batch is what may help.
    """
    batch = Batch(records=len(records))
    told: list[Told] = []
    failed: int | None = None
    for place, record in enumerate(records):
        try:
            answer = given_answer(record)
        except MalformedRecordError:
            if place == 0 and len(records) > 1:
                raise
            batch.malformed, failed = True, place
            break
        if answer:
            told.append(Told(place, answer))
        else:
            batch.ignored += 1
    groups = list(_groups(told))
    for number, group in enumerate(groups):
        try:
            _count(services, [each.answer for each in group], batch)
        except Exception as error:
            batch.malformed = False
            failed = min(each.place for rest in groups[number:] for each in rest)
            if not isinstance(error, StoreUnavailableError):
                # Of one record, perhaps: it is found by halving what is left.
                if failed == 0:
                    raise
                log_fault(services.settings, error, request_id)
            break
    if failed is not None:
        batch.failed = records[failed]["dynamodb"]["SequenceNumber"]
    return batch


def _groups(told: Sequence[Told]) -> Iterator[list[Told]]:
    """Divide answers so that each group fits in one transaction, a learner's side by side."""
    of_learner: defaultdict[str, list[Told]] = defaultdict(list)
    for each in told:
        of_learner[each.answer.user_id].append(each)
    group: list[Told] = []
    items: set[object] = set()
    for each in chain.from_iterable(of_learner.values()):
        wanted = {each.answer.user_id, _ledger_key(each.answer), _item_key(each.answer)}
        if len(items | wanted) > MOST_ITEMS:
            yield group
            group, items = [], set()
        group.append(each)
        items |= wanted
    if group:
        yield group


def _count(services: Services, answers: Sequence[GivenAnswer], batch: Batch) -> None:
    """Count answers in one transaction, and note in `batch` what became of them.

    Raises:
        StoreUnavailableError: the database is in trouble, or others keep changing what was read.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            # Jitter only spreads retries; nothing depends on what it is.
            services.transactions.pause(
                random.uniform(0, BACKOFF * 2**attempt)  # noqa: S311  # nosec B311
            )
        snapshot = services.tallies.read(
            {answer.user_id for answer in answers},
            {_ledger_key(answer) for answer in answers},
            {_item_key(answer) for answer in answers},
        )
        learners = _learners(answers, snapshot, services.clock())
        fresh = [answer for counted in learners.values() for answer in counted.fresh]
        try:
            if fresh:
                services.transactions.write(
                    [
                        *_learner_actions(services, learners, snapshot),
                        *_item_actions(services, fresh, snapshot),
                    ]
                )
        except TransactionConditionError:
            continue
        batch.counted += fresh
        batch.duplicates += sum(counted.duplicates for counted in learners.values())
        batch.too_old += sum(counted.too_old for counted in learners.values())
        batch.erased += sum(answer.user_id in snapshot.erased for answer in answers)
        return
    raise StoreUnavailableError("The tallies are being changed by too many at once.")


def _learners(answers: Sequence[GivenAnswer], snapshot: Snapshot, now: int) -> dict[str, Counted]:
    """Count the answers of each learner who is still there."""
    of_learner: defaultdict[str, list[GivenAnswer]] = defaultdict(list)
    for answer in answers:
        if answer.user_id not in snapshot.erased:
            of_learner[answer.user_id].append(answer)
    return {
        user_id: count(
            snapshot.learners[user_id][0],
            {each.day: snapshot.ledgers[_ledger_key(each)] for each in given},
            given,
            now,
        )
        for user_id, given in of_learner.items()
    }


def _learner_actions(
    services: Services, learners: dict[str, Counted], snapshot: Snapshot
) -> Iterator[dict[str, Any]]:
    tallies = services.tallies
    for user_id, counted in learners.items():
        if not counted.fresh:
            continue
        # What was the newest day's stays with the totals, or makes room for a day after it.
        ledgers = dict([snapshot.newest[user_id]]) if user_id in snapshot.newest else {}
        ledgers |= counted.ledgers
        newest = max(ledgers)
        version = snapshot.learners[user_id][1]
        yield tallies.put_learner(user_id, counted.tally, (newest, ledgers.pop(newest)), version)
        for day, ledger in ledgers.items():
            if day > counted.tally.closed_through:
                yield tallies.put_ledger(LedgerKey(user_id, day), ledger)


def _item_actions(
    services: Services, fresh: Sequence[GivenAnswer], snapshot: Snapshot
) -> Iterator[dict[str, Any]]:
    of_item: defaultdict[ItemKey, list[GivenAnswer]] = defaultdict(list)
    for answer in fresh:
        of_item[_item_key(answer)].append(answer)
    for key, given in of_item.items():
        known, read_at = snapshot.items[key]
        yield services.tallies.put_item(key, together(known, tally_of(given)), read_at)


def _ledger_key(answer: GivenAnswer) -> LedgerKey:
    return LedgerKey(answer.user_id, answer.day)


def _item_key(answer: GivenAnswer) -> ItemKey:
    return ItemKey(answer.question_id, answer.version)
