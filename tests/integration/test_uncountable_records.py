"""Records that cannot be counted are set aside at once, and delay no other learner."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from domain.statistics.given_answer import DAY
from domain.statistics.learner import MAX_SPANS, LearnerTally
from domain.statistics.streaks import Run, Span
from lambdas.analytics.handler import handler
from lambdas.analytics.use_case import MOST_ITEMS, UncountableRecordsError
from lambdas.shared.store.packing import packed_learner, packed_ledger, unpacked_item
from tests.integration.counting import (
    Letters,
    Records,
    counted,
    log_line,
    many_learners,
    play,
    sequence,
    small_bank,
    tallies,
)
from tests.integration.stage import InvokedStage, refuses, unreachable
from tests.support.fixed_context import FixedContext

UNANSWERED = Run(1, 1, 1, 1, 1)


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    return small_bank(stage)


@pytest.fixture
def letters(stage: InvokedStage) -> Letters:
    letters = Letters()
    stage.services.dead_letters = letters
    return letters


@pytest.fixture
def records(bank: InvokedStage) -> Records:
    """Answers of two learners."""
    play(bank, "ada", "rwrrrwwr")
    play(bank, "bob", "rrr", "history")
    return bank.records()


def changed(record: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
    """Return a record whose new image has other attributes."""
    images = record["dynamodb"]
    return {**record, "dynamodb": {**images, "NewImage": {**images["NewImage"], **attributes}}}


def malformed(record: Mapping[str, Any]) -> dict[str, Any]:
    return changed(record, lastChoice={"S": "?"})


def redrive(records: Sequence[Mapping[str, Any]]) -> Any:
    return handler({"Records": list(records), "redrive": True}, FixedContext())


@pytest.mark.parametrize("places", [[0], [5], [10], [0, 1, 10]])
def test_malformed_records_are_set_aside_and_all_others_counted_in_the_same_two_calls(
    bank: InvokedStage, records: Records, letters: Letters, places: list[int]
) -> None:
    expected = counted(bank, [each for place, each in enumerate(records) if place not in places])
    batch = [malformed(each) if place in places else each for place, each in enumerate(records)]
    bank.read_output()
    assert bank.deliver(batch) == []
    assert letters.kept == [[batch[place] for place in places]]
    assert tallies(bank) == expected
    line = log_line(bank)
    assert (line["level"], line["Malformed"], line["roundTrips"]) == ("WARNING", len(places), 2)
    assert "Unfinished" not in line


@pytest.mark.parametrize(
    "attributes",
    [
        {"attempts": {"N": "7"}},
        {"attempts": {"N": "0"}},
        {"attempts": {"S": "many"}},
        {"correct": {"N": "9"}, "attempts": {"N": "9"}},
    ],
    ids=str,
)
def test_a_restored_or_edited_item_is_ignored_without_a_dead_letter(
    bank: InvokedStage, records: Records, letters: Letters, attributes: Any
) -> None:
    expected = counted(bank, records[1:])
    bank.read_output()
    assert bank.deliver([changed(records[0], **attributes), *records[1:]]) == []
    assert tallies(bank) == expected
    assert letters.kept == []
    line = log_line(bank)
    assert (line["level"], line["edited"], line["roundTrips"]) == ("WARNING", 1, 2)


def test_a_progress_item_edited_in_the_table_is_ignored(
    bank: InvokedStage, letters: Letters
) -> None:
    play(bank, "ada", "rrr")
    bank.count()
    before = tallies(bank)
    (row, *_) = bank.rows("progress")
    for attempts in ("40", "2"):
        edited = {**row, "attempts": {"N": attempts}}
        bank.services.database.call("put_item", TableName=bank.services.progress.name, Item=edited)
    assert bank.deliver(bank.records()) == []
    assert tallies(bank) == before
    assert letters.kept == []


def test_a_learner_whose_item_would_be_too_large_delays_nobody(
    bank: InvokedStage, records: Records, letters: Letters
) -> None:
    """One poison answer among 49 learners costs a binary search, not a retry of the others."""
    batch = many_learners(records[0], 49)
    poisoned = "learner-30"

    def too_large(request: AWSPreparedRequest) -> AWSResponse | None:
        body = request.body if isinstance(request.body, bytes) else b""
        return refuses("ValidationException")(request) if poisoned.encode() in body else None

    bank.read_output()
    with bank.fault("TransactWriteItems", too_large):
        assert bank.deliver(batch) == []
    assert [sequence(each) for (each,) in letters.kept] == ["1030"]
    assert len(tallies(bank)["users"]) == 48
    (item,) = tallies(bank)["questions"]
    assert unpacked_item(item["tally"]["B"]).answers == 48
    # A read and a write of the whole, then of both halves of each part that holds the record.
    assert log_line(bank)["roundTrips"] <= 2 + 2 * 2 * (49).bit_length()
    assert bank.deliver(batch) == []
    assert len(letters.kept) == 1
    assert len(tallies(bank)["users"]) == 49


@pytest.mark.parametrize("attribute", ["tally", "ledger"])
def test_a_learner_with_a_damaged_tally_delays_nobody(
    bank: InvokedStage, records: Records, letters: Letters, attribute: str
) -> None:
    ada, bob = records[:8], records[8:]
    expected = counted(bank, bob)
    damaged = {
        "userId": {"S": "ada"},
        "tallyVersion": {"N": "1"},
        "tally": {"B": packed_learner(LearnerTally())},
        "ledgerDay": {"N": "1"},
        "ledger": {"B": packed_ledger({})},
        attribute: {"B": b"\x05\x05"},
    }
    bank.services.database.call("put_item", TableName=bank.services.users.name, Item=damaged)
    assert bank.deliver(records) == []
    assert [sorted(map(sequence, each)) for each in letters.kept] == [sorted(map(sequence, ada))]
    kept = tallies(bank)
    assert [row["userId"]["S"] for row in kept["users"]] == ["ada", "bob"]
    assert kept["users"][1:] == expected["users"]


def fill_ledger(stage: InvokedStage, user: str) -> None:
    """Give a learner a ledger of today at its limit."""
    ledger = {f"{n:027x}": (Span(1, UNANSWERED),) for n in range(MAX_SPANS)}
    item = {
        "userId": {"S": user},
        "tally": {"B": packed_learner(LearnerTally())},
        "tallyVersion": {"N": "1"},
        "ledgerDay": {"N": str(stage.clock.now // DAY)},
        "ledger": {"B": packed_ledger(ledger)},
    }
    stage.services.database.call("put_item", TableName=stage.services.users.name, Item=item)


def test_a_learner_at_the_limit_of_the_ledger_delays_nobody(
    bank: InvokedStage, records: Records, letters: Letters
) -> None:
    expected = counted(bank, records[8:])
    fill_ledger(bank, "ada")
    bank.read_output()
    assert bank.deliver(records) == []
    line = log_line(bank)
    assert (line["Counted"], line["Malformed"], line["roundTrips"]) == (3, 8, 2)
    assert [len(each) for each in letters.kept] == [8]
    kept = tallies(bank)
    assert [row for row in kept["users"] if row["userId"]["S"] == "bob"] == expected["users"]


def test_a_ledger_at_its_limit_still_counts_further_answers_of_its_sessions(
    bank: InvokedStage, letters: Letters
) -> None:
    session = play(bank, "ada", "r")
    records = bank.records()
    fill_ledger(bank, "ada")
    ledger = {f"{n:027x}": (Span(1, UNANSWERED),) for n in range(MAX_SPANS - 1)}
    bank.services.database.call(
        "update_item",
        TableName=bank.services.users.name,
        Key={"userId": {"S": "ada"}},
        UpdateExpression="SET ledger = :ledger",
        ExpressionAttributeValues={":ledger": {"B": packed_ledger(ledger)}},
    )
    play(bank, "ada", "rrr", session=session)
    assert bank.deliver([*records, *bank.records()]) == []
    assert log_line(bank)["Counted"] == 4
    assert letters.kept == []


def test_a_batch_resumes_from_the_first_record_that_the_database_did_not_take(
    bank: InvokedStage, records: Records, letters: Letters
) -> None:
    """A record after that one is not set aside: it will be delivered again."""
    batch = many_learners(records[0], 100)
    batch[3], batch[99] = malformed(batch[3]), malformed(batch[99])
    fits = (MOST_ITEMS - 1) // 2
    calls = iter([None, unreachable, unreachable, unreachable])

    def second_fails(request: AWSPreparedRequest) -> AWSResponse | None:
        fault = next(calls)
        return fault(request) if fault else None

    with bank.fault("TransactWriteItems", second_fails, times=4):
        assert bank.deliver(batch) == [sequence(batch[fits + 1])]
    assert [list(map(sequence, each)) for each in letters.kept] == [["1003"]]
    assert bank.deliver(batch[fits + 1 :]) == []
    assert [list(map(sequence, each)) for each in letters.kept] == [["1003"], ["1099"]]
    assert len(tallies(bank)["users"]) == 98


def test_dead_letters_that_cannot_be_stored_are_delivered_again(
    bank: InvokedStage, records: Records, letters: Letters
) -> None:
    letters.failures = 1
    batch = [*records[:2], malformed(records[2]), *records[3:]]
    assert bank.deliver(batch) == [sequence(batch[2])]
    assert bank.deliver(batch[2:]) == []
    assert letters.kept == [[batch[2]]]


def test_a_missing_permission_is_retried_and_nothing_set_aside(
    bank: InvokedStage, records: Records, letters: Letters
) -> None:
    with (
        bank.fault("TransactWriteItems", refuses("AccessDeniedException")),
        pytest.raises(Exception, match="AccessDeniedException"),
    ):
        bank.deliver(records)
    assert letters.kept == []
    assert not any(tallies(bank).values())


def test_a_redrive_reports_uncountable_records_and_stores_them_no_second_time(
    records: Records, letters: Letters
) -> None:
    poison = malformed(records[0])
    with pytest.raises(UncountableRecordsError):
        redrive([poison, *records[1:]])
    assert redrive([poison]) == {"batchItemFailures": [{"itemIdentifier": sequence(records[0])}]}
    assert redrive(records) == {"batchItemFailures": []}
    assert letters.kept == []
