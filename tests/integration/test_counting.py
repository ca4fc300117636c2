"""Answers counted from the engine's own stream: each once, whatever arrives how often and when."""

import json
from random import Random

import pytest
from botocore.awsrequest import AWSPreparedRequest

from domain.statistics.given_answer import DAY
from domain.statistics.learner import LEDGER_LIFE, OLDEST
from infra.permissions import PERMISSIONS
from lambdas.contract.delivery import CONSUMER
from lambdas.shared.store.packing import unpacked_item, unpacked_ledger
from tests.integration.counting import (
    Records,
    answers_of_two_days,
    assert_recounted,
    counted,
    given,
    log_line,
    many_learners,
    play,
    small_bank,
    tallies,
)
from tests.integration.stage import (
    START,
    InvokedStage,
    drafts,
    submission,
)


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    return small_bank(stage)


@pytest.fixture
def records(bank: InvokedStage) -> Records:
    return answers_of_two_days(bank)


# Once


def test_what_is_counted_is_what_a_recount_of_the_answers_says(
    bank: InvokedStage, records: Records
) -> None:
    assert bank.deliver(records) == []
    assert len(given(records)) == 15
    assert_recounted(bank, records)


def test_an_answer_told_twice_counts_once(bank: InvokedStage, records: Records) -> None:
    assert bank.deliver(records) == []
    before = bank.everything()
    bank.read_output()
    assert bank.deliver(records) == []
    assert bank.everything() == before
    line = log_line(bank)
    assert (line["records"], line["Duplicates"], "Counted" in line) == (15, 15, False)
    # The second is for the ledger of the day before.
    assert (line["roundTrips"], "WRU" in line) == (2, False)


def test_an_answer_told_twice_in_one_batch_counts_once(
    bank: InvokedStage, records: Records
) -> None:
    expected = counted(bank, records)
    assert bank.deliver([*records, *records]) == []
    assert tallies(bank) == expected


@pytest.mark.parametrize("seed", range(4))
def test_any_order_any_batches_and_any_repetition_come_to_the_same(
    bank: InvokedStage, records: Records, seed: int
) -> None:
    expected = counted(bank, records)
    random = Random(seed)
    arriving = [*records, *random.sample(records, 5)]
    random.shuffle(arriving)
    while arriving:
        size = random.randint(1, 5)
        assert bank.deliver(arriving[:size]) == []
        del arriving[:size]
    assert tallies(bank) == expected


def test_a_redriven_record_is_counted_though_later_ones_were(
    bank: InvokedStage, records: Records
) -> None:
    expected = counted(bank, records)
    assert bank.deliver(records[:3] + records[4:]) == []
    assert tallies(bank) != expected
    bank.clock.advance(30 * DAY)
    assert bank.deliver([records[3]]) == []
    assert tallies(bank) == expected


def test_an_edited_question_has_statistics_of_its_own_for_each_version(bank: InvokedStage) -> None:
    session = bank.start({"category": "geography", "questionCount": 1}, percentage=0)
    shown = bank.question(session)["question"]
    play(bank, "ada", "w", session=session)
    number = int(shown["questionId"].rpartition(":")[2])
    edited = {**drafts("geography", 8)[number], "text": "edited?"}
    assert bank.replace(shown["questionId"], edited)["version"] == 2
    bank.forget_questions()
    play(bank, "ada", "r", session=session)
    bank.count()
    items = {
        row["questionId"]["S"].rpartition("#")[2]: unpacked_item(row["tally"]["B"])
        for row in bank.rows("questions")
        if "tally" in row
    }
    assert [(items[each].answers, items[each].first_tries) for each in "12"] == [(1, 1), (1, 0)]


def test_items_removed_and_changes_that_are_no_answer_are_left_out(
    bank: InvokedStage, records: Records
) -> None:
    removed = {**records[0], "eventName": "REMOVE"}
    image = records[1]["dynamodb"]["NewImage"]
    touched = {
        **records[1],
        "eventName": "MODIFY",
        "dynamodb": {**records[1]["dynamodb"], "OldImage": image},
    }
    bank.read_output()
    assert bank.deliver([removed, touched]) == []
    line = log_line(bank)
    assert (line["ignored"], "Counted" in line, line["roundTrips"]) == (2, False, 0)


# Too old, and gone


def test_an_answer_older_than_any_ledger_is_refused(bank: InvokedStage, records: Records) -> None:
    bank.clock.now = START + OLDEST + 1000
    assert bank.deliver(records[:2]) == []
    line = log_line(bank)
    # The first was given at START + 1000 ms, the second a second later: it is just young enough.
    assert (line["Counted"], line["tooOld"]) == (2, 0)
    bank.clock.advance(DAY)
    assert bank.deliver(records[2:3]) == []
    assert log_line(bank)["tooOld"] == 1


def test_a_ledger_outlives_every_answer_it_may_be_asked_about(
    bank: InvokedStage, records: Records
) -> None:
    assert bank.deliver(records) == []
    (row,) = tallies(bank)["sessions"]
    first_day = next(a.day for a in given(records) if a.user_id == row["userId"]["S"])
    ends = int(row["ttl"]["N"]) * 1000
    assert (first_day + 1) * DAY + OLDEST < ends <= (first_day + 1) * DAY + LEDGER_LIFE


def test_a_learners_newest_day_is_written_with_the_totals_and_kept_apart_once_it_is_over(
    bank: InvokedStage, records: Records
) -> None:
    """One item of the learner a batch, two where a day begins, three calls where one is late."""
    by_day = [[each for each in records if given([each])[0].day == day] for day in days(records)]
    of_ada = [[each for each in day if given([each])[0].user_id == "ada"] for day in by_day]
    early, late, next_day = of_ada[0][:3], of_ada[0][3:], of_ada[1]
    costs = []
    for batch in (early, next_day[:1], next_day[1:2], late):
        bank.read_output()
        assert bank.deliver(batch) == []
        line = log_line(bank)
        questions = len({each.question_id for each in given(batch)})
        costs.append((line["roundTrips"], line["WRU"] / 2 - questions))
    assert costs == [(2, 1), (2, 2), (2, 1), (3, 2)]
    (row,) = tallies(bank)["users"]
    assert int(row["ledgerDay"]["N"]) == days(records)[1]
    (ledger,) = tallies(bank)["sessions"]
    assert sum(
        span.run.length for each in unpacked_ledger(ledger["tally"]["B"]).values() for span in each
    ) == len(of_ada[0])
    # Told again, of either day: nothing.
    bank.read_output()
    assert bank.deliver([*of_ada[0], *next_day[:2]]) == []
    line = log_line(bank)
    assert (line["Duplicates"], "WRU" in line) == (len(of_ada[0]) + 2, False)


def test_a_ledger_that_no_answer_can_ask_for_is_not_put_away(bank: InvokedStage) -> None:
    play(bank, "ada", "rrr")
    bank.count()
    bank.clock.advance(OLDEST + 2 * DAY)
    play(bank, "ada", "rr", "history")
    bank.count()
    (row,) = tallies(bank)["users"]
    assert int(row["ledgerDay"]["N"]) == bank.clock.now // DAY
    assert tallies(bank)["sessions"] == []


def days(records: Records) -> list[int]:
    return sorted({each.day for each in given(records)})


def erase(stage: InvokedStage, user: str) -> None:
    stage.services.database.call(
        "put_item",
        TableName=stage.services.users.name,
        Item={"userId": {"S": user}, "erasedAt": {"N": str(stage.clock.now)}},
    )


def test_nothing_of_an_erased_learner_is_counted(bank: InvokedStage, records: Records) -> None:
    erase(bank, "ada")
    bank.read_output()
    assert bank.deliver(records) == []
    line = log_line(bank)
    assert (line["erased"], line["Counted"]) == (12, 3)
    kept = tallies(bank)
    assert [row["userId"]["S"] for row in kept["users"]] == ["bob"]
    assert kept["sessions"] == []
    assert_recounted(bank, [each for each in records if given([each])[0].user_id == "bob"])


def test_an_erasure_between_reading_and_writing_wins(bank: InvokedStage, records: Records) -> None:
    bank.pauses()

    def erased_meanwhile(_: AWSPreparedRequest) -> None:
        erase(bank, "ada")

    with bank.fault("TransactWriteItems", erased_meanwhile, times=1):
        assert bank.deliver(records) == []
    kept = tallies(bank)
    assert [row["userId"]["S"] for row in kept["users"] + kept["sessions"]] == ["bob"]
    assert {row["userId"]["S"]: set(row) for row in bank.rows("users")}["ada"] == {
        "userId",
        "erasedAt",
    }


def test_a_profile_and_its_totals_do_not_disturb_each_other(
    bank: InvokedStage, records: Records
) -> None:
    body = {"displayName": "Ada"}
    bank.call("updateUser", body, path={"userId": "me"})
    assert bank.deliver(records) == []
    bank.call("updateUser", {"language": "de"}, path={"userId": "me"})
    assert bank.call("getUser", path={"userId": "me"}).body["displayName"] == "Ada"
    assert_recounted(bank, records)


# Cost


@pytest.mark.parametrize(
    ("learners", "per_learner"),
    [(1, 1), (1, 8), (5, 8), (33, 1)],
)
def test_a_batch_costs_a_read_and_a_transaction_over_what_it_touches(
    stage: InvokedStage, learners: int, per_learner: int
) -> None:
    stage.save(*drafts("geography", 8))
    for number in range(learners):
        play(stage, f"learner-{number:036d}", "r" * per_learner)
    records = stage.records()
    stage.read_output()
    assert stage.deliver(records) == []
    line = log_line(stage)
    questions = len({each.question_id for each in given(records)})
    touched = learners + questions
    assert (line["roundTrips"], line["RRU"], line["WRU"]) == (2, touched, 2 * touched)


def test_answers_of_several_learners_in_turn_cost_what_each_learners_together_do(
    stage: InvokedStage,
) -> None:
    stage.save(*drafts("geography", 8))
    for learner in range(30):
        play(stage, f"learner-{learner}", "rrr")
    records = stage.records()
    in_turn = [each for place in range(3) for each in records[place::3]]
    stage.read_output()
    assert stage.deliver(in_turn) == []
    line = log_line(stage)
    assert (line["roundTrips"], line["WRU"]) == (2, 2 * (30 + 8))


def test_one_question_of_a_hundred_learners_is_written_once_a_transaction(
    bank: InvokedStage, records: Records
) -> None:
    bank.read_output()
    assert bank.deliver(many_learners(records[0], 100)) == []
    line = log_line(bank)
    # 49 learners fit in one, with a ledger each.
    assert line["roundTrips"] == 2 * 3
    assert line["WRU"] == 2 * (100 + 3)


def test_the_log_line_tells_what_was_mastered_and_how_late_it_was(
    bank: InvokedStage, records: Records
) -> None:
    bank.read_output()
    assert bank.deliver(records[:8]) == []
    line = log_line(bank)
    assert line["AttemptsToMastery"] == [1, 1, 1]
    assert line["retries"] == 3
    assert line["AnswerAge"] == bank.clock.now - (START + 1000)
    assert "ada" not in json.dumps(line)


def test_the_function_needs_only_the_actions_it_is_granted(
    bank: InvokedStage, records: Records
) -> None:
    used: set[tuple[str, str]] = set()
    single = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}

    def note(request: AWSPreparedRequest, **_: object) -> None:
        operation = str(request.headers["X-Amz-Target"]).rpartition(".")[2].rstrip("'")
        body = json.loads(request.body if isinstance(request.body, bytes) else b"{}")
        if operation == "TransactWriteItems":
            for action in body["TransactItems"]:
                ((kind, parameters),) = action.items()
                used.add((parameters["TableName"], single[kind]))
        else:
            used.update((table, operation) for table in body["RequestItems"])

    events = bank.services.database.client.meta.events
    events.register("before-send.dynamodb", note)
    assert bank.deliver(records) == []
    assert bank.deliver(records) == []  # those of the first day come late
    events.unregister("before-send.dynamodb", note)
    granted = {
        (getattr(bank.services, grant.table.name.lower()).name, action)
        for grant in PERMISSIONS[CONSUMER]
        for action in grant.actions
    }
    assert used == granted


def test_answers_given_by_two_devices_at_once_are_numbered_without_a_gap(
    bank: InvokedStage,
) -> None:
    session = bank.start({"category": "geography"}, percentage=0)
    shown = bank.question(session)["question"]
    for right in (False, False, True):
        body = submission(shown, right=right)
        first = bank.call("submitAnswer", body, path={"sessionId": session})
        again = bank.call("submitAnswer", body, path={"sessionId": session})
        assert again.body == first.body
        shown = first.body["question"]
    answers = given(bank.records())
    assert [(each.number, each.right_before) for each in answers] == [(1, 0), (2, 0), (3, 0)]
