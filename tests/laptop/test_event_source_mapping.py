"""Batches are retried, split and given up as Lambda does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from lambdas.contract.delivery import DELIVERY, Delivery
from local.stream.event_source_mapping import (
    Condition,
    ConsumerError,
    EventSourceMapping,
    FailedBatch,
    Record,
    counted_of,
)

NOW = 1_790_000_000.0
SETTINGS = replace(DELIVERY, retries=2, record_age_seconds=3_600)

Answer = Callable[[Sequence[str]], object]


def record(number: int, age: float = 0.0) -> Record:
    return {
        "dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": NOW - age},
    }


def numbers(records: Sequence[Record]) -> list[str]:
    return [each["dynamodb"]["SequenceNumber"] for each in records]


def failing(number: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": number}]}


@dataclass
class Delivered:
    """The steps of a delivery, in order."""

    answer: Answer
    settings: Delivery = SETTINGS
    sent: list[list[str]] = field(default_factory=list)
    discarded: list[FailedBatch] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    now: float = NOW

    def deliver(self, *batch: Record) -> "Delivered":
        EventSourceMapping(
            settings=self.settings,
            invoke=self._invoke,
            discard=self.discarded.append,
            settled=lambda each: self.settled.append(each["dynamodb"]["SequenceNumber"]),
            wait=self._wait,
            now=lambda: self.now,
        ).deliver(batch)
        return self

    def _invoke(self, records: Sequence[Record]) -> object:
        self.sent.append(numbers(records))
        return self.answer(self.sent[-1])

    def _wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    @property
    def given_up(self) -> list[list[str]]:
        return [numbers(batch.records) for batch in self.discarded]


def batch(count: int) -> list[Record]:
    return [record(number) for number in range(1, count + 1)]


def raises_on(poison: str) -> Answer:
    def answer(sent: Sequence[str]) -> object:
        if poison in sent:
            raise ConsumerError
        return None

    return answer


def test_what_is_counted_is_sent_once() -> None:
    done = Delivered(lambda _: {"batchItemFailures": []}).deliver(*batch(3))
    assert done.sent == [["1", "2", "3"]]
    assert done.settled == ["3"]
    assert done.pauses == []


def test_records_from_the_lowest_reported_on_are_sent_again() -> None:
    def answer(sent: Sequence[str]) -> object:
        return (
            {"batchItemFailures": [{"itemIdentifier": "4"}, {"itemIdentifier": "3"}]}
            if "1" in sent
            else {}
        )

    done = Delivered(answer).deliver(*batch(5))
    assert done.sent == [["1", "2", "3", "4", "5"], ["3", "4", "5"]]
    assert done.settled == ["2", "5"]
    assert done.given_up == []


def test_a_batch_that_raised_is_split_until_its_poison_is_alone() -> None:
    done = Delivered(raises_on("4")).deliver(*batch(8))
    assert done.given_up == [["4"]]
    (given_up,) = done.discarded
    assert (given_up.condition, given_up.invocations) == (Condition.ATTEMPTS, 3)
    assert done.sent == [
        ["1", "2", "3", "4", "5", "6", "7", "8"],
        ["1", "2", "3", "4"],
        ["1", "2"],
        ["3", "4"],
        ["3"],
        ["4"],
        ["4"],
        ["4"],
        ["5", "6", "7", "8"],
    ]
    assert done.settled == ["2", "3", "4", "8"]


def test_a_consumer_that_reports_only_gives_up_with_its_poison_all_that_follows() -> None:
    """Why the consumer raises when the first record fails: nothing reported is split."""
    done = Delivered(lambda sent: failing("2") if "2" in sent else {}).deliver(*batch(3))
    assert done.given_up == [["2", "3"]]


def test_a_record_reported_first_and_raised_on_next_is_given_up_alone() -> None:
    """The way of our consumer: report up to the poison, then raise on it."""

    def answer(sent: Sequence[str]) -> object:
        if sent[0] == "5" and len(sent) > 1:
            raise ConsumerError
        return failing("5") if "5" in sent else {}

    done = Delivered(answer).deliver(*batch(8))
    assert done.given_up == [["5"]]
    assert done.settled[-1] == "8"


def test_what_passes_while_it_is_retried_is_counted() -> None:
    answers = iter([failing("1"), failing("1"), {}])
    done = Delivered(lambda _: next(answers)).deliver(*batch(2))
    assert len(done.sent) == 3
    assert done.given_up == []
    assert done.settled == ["2"]


def test_pauses_grow() -> None:
    settings = replace(SETTINGS, retries=10)
    done = Delivered(raises_on("1"), settings).deliver(record(1))
    assert done.pauses == sorted(done.pauses)
    assert (len(done.pauses), done.pauses[0], done.pauses[-1]) == (10, 0.1, 10.0)


def test_a_record_too_old_is_given_up_unsent_and_the_rest_is_sent() -> None:
    done = Delivered(lambda _: None).deliver(record(1, age=3_601), record(2, age=3_600))
    assert done.given_up == [["1"]]
    (given_up,) = done.discarded
    assert (given_up.condition, given_up.invocations) == (Condition.AGE, 0)
    assert done.sent == [["2"]]
    assert done.settled == ["1", "2"]


def test_a_record_that_grows_too_old_between_attempts_is_given_up() -> None:
    done = Delivered(raises_on("1"), replace(SETTINGS, retries=100)).deliver(record(1, age=3_590))
    (given_up,) = done.discarded
    assert given_up.condition is Condition.AGE
    assert given_up.invocations < 100


@pytest.mark.parametrize(
    "response", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}]
)
def test_nothing_reported_is_success(response: object) -> None:
    assert counted_of(response, batch(3)) == 3


@pytest.mark.parametrize(
    "response",
    [
        failing(""),
        failing("9"),
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"sequenceNumber": "2"}]},
        {"batchItemFailures": ["2"]},
        {"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "9"}]},
        {"batchItemFailures": 2},
        "ok",
    ],
)
def test_what_names_no_record_of_the_batch_fails_all_of_it(response: object) -> None:
    assert counted_of(response, batch(3)) == 0
