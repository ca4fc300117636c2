"""Counts a batch of answers: each exactly once, its effects all or none."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from domain.statistics.given_answer import GivenAnswer
from domain.statistics.item import tally_of, together
from domain.statistics.learner import Counted, count
from lambdas.analytics.records import (
    EditedItemError,
    MalformedRecordError,
    given_answer,
)
from lambdas.shared.services import Services
from lambdas.shared.store.errors import (
    InvalidRequestError,
    StoreUnavailableError,
    TransactionConditionError,
)
from lambdas.shared.store.retry import attempts
from lambdas.shared.store.tallies import ItemKey, LedgerKey, Snapshot
from lambdas.shared.telemetry.request_log import log_fault

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

MOST_ITEMS = 100
"""DynamoDB's limit for one transaction, and for one BatchGetItem."""

ATTEMPTS = 5
"""Attempts at a transaction while other writers change what was read."""

_UNCOUNTABLE = (
    InvalidRequestError,
    ArithmeticError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)
"""Errors caused by an answer or by the tallies it changes; a retry would raise them again. Errors
of the database or of its permissions concern every record, and are retried."""


class UncountableRecordsError(Exception):
    """A batch sent by a redrive holds records that cannot be counted."""


@dataclass(slots=True)
class Batch:
    """Outcome of a batch.

    Attributes:
        records: Number of records in it.
        failed: Sequence number to resume from; None when the batch is done.
        counted: Answers that took effect now.
        uncountable: Places of records that cannot be counted; they are set aside.
        duplicates: Answers that took effect before.
        too_old: Answers older than any ledger.
        erased: Answers of learners whose accounts are erased.
        edited: Records of items that were restored or edited by hand.
        ignored: Records that no answer caused, such as deletions, and answers of the smoke test.
    """

    records: int
    failed: str | None = None
    counted: list[GivenAnswer] = field(default_factory=list)
    uncountable: list[int] = field(default_factory=list)
    duplicates: int = 0
    too_old: int = 0
    erased: int = 0
    edited: int = 0
    ignored: int = 0


class Placed(NamedTuple):
    """An answer and the place of its record in the batch."""

    place: int
    answer: GivenAnswer


def count_batch(
    services: Services,
    records: "Sequence[DynamoDBRecord]",
    request_id: str,
    *,
    set_aside: bool = True,
) -> Batch:
    """Count the answers of a batch.

    Records that cannot be counted go to the dead letters at once, so that neither Lambda's retries
    nor its halving of the batch delay the answers of other learners. While the database is
    unavailable, the batch stops and Lambda resumes it from `failed`. `set_aside` is False in a
    redrive, whose records are dead letters already.

    Raises:
        UncountableRecordsError: `set_aside` is False and several records include an uncountable
            one; the caller sends them again in halves.
        Exception: the function itself does not work, for want of a permission, say.
    """
    batch = Batch(records=len(records))
    groups = list(_groups(_answers(records, batch)))
    resume: int | None = None
    for number, group in enumerate(groups):
        try:
            _count_separately(services, group, batch, request_id)
        except StoreUnavailableError:
            resume = min(each.place for rest in groups[number:] for each in rest)
            break
    # The records from there on will be delivered again.
    batch.uncountable = sorted(
        place for place in batch.uncountable if resume is None or place < resume
    )
    if batch.uncountable:
        if set_aside:
            resume = _set_aside(services, records, batch.uncountable, resume)
        elif len(records) > 1:
            raise UncountableRecordsError
        else:
            resume = 0
    if resume is not None:
        # The property is None where there is no number, which would end the batch.
        batch.failed = records[resume]["dynamodb"]["SequenceNumber"]
    return batch


def _answers(records: "Sequence[DynamoDBRecord]", batch: Batch) -> Iterator[Placed]:
    for place, record in enumerate(records):
        try:
            answer = given_answer(record)
        except EditedItemError:
            batch.edited += 1
        except MalformedRecordError:
            batch.uncountable.append(place)
        else:
            if answer:
                yield Placed(place, answer)
            else:
                batch.ignored += 1


def _set_aside(
    services: Services,
    records: "Sequence[DynamoDBRecord]",
    places: Sequence[int],
    resume: int | None,
) -> int | None:
    """Store dead letters; return where to resume: at the first of them if that failed."""
    try:
        services.dead_letters.keep([records[place].raw_event for place in places])
    except StoreUnavailableError:
        return places[0]
    return resume


def _groups(answers: Iterator[Placed]) -> Iterator[list[Placed]]:
    """Divide answers so that each group fits in one transaction, a learner's side by side."""
    of_learner: defaultdict[str, list[Placed]] = defaultdict(list)
    for each in answers:
        of_learner[each.answer.user_id].append(each)
    group: list[Placed] = []
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


def _count_separately(
    services: Services, group: Sequence[Placed], batch: Batch, request_id: str
) -> None:
    """Count a group, in halves if need be, so that only its uncountable answers are left out.

    Raises:
        StoreUnavailableError: the database is unavailable.
    """
    try:
        _count(services, group, batch)
    except _UNCOUNTABLE as error:
        if len(group) == 1:
            log_fault(services.settings, error, request_id)
            batch.uncountable.append(group[0].place)
            return
        middle = len(group) // 2
        _count_separately(services, group[:middle], batch, request_id)
        _count_separately(services, group[middle:], batch, request_id)


def _count(services: Services, group: Sequence[Placed], batch: Batch) -> None:
    """Count answers in one transaction, and record the outcome in `batch`.

    Raises:
        StoreUnavailableError: the database is unavailable, or other writers keep changing the
            tallies.
    """
    answers = [each.answer for each in group]
    for _ in attempts(ATTEMPTS, services.transactions.pause):
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
        refused = {answer for counted in learners.values() for answer in counted.refused}
        batch.counted += fresh
        batch.uncountable += [each.place for each in group if each.answer in refused]
        batch.duplicates += sum(counted.duplicates for counted in learners.values())
        batch.too_old += sum(counted.too_old for counted in learners.values())
        batch.erased += sum(answer.user_id in snapshot.erased for answer in answers)
        return
    raise StoreUnavailableError("The tallies are being changed by too many writers at once.")


def _learners(answers: Sequence[GivenAnswer], snapshot: Snapshot, now: int) -> dict[str, Counted]:
    """Count the answers of each learner whose account is not erased."""
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
        # The ledger of the newest day stays with the totals until a later day replaces it.
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
