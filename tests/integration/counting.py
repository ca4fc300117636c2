"""Helpers for tests of the stream's consumer."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from domain.statistics.given_answer import DAY, GivenAnswer
from lambdas.analytics.records import given_answer
from lambdas.shared.store.errors import StoreUnavailableError
from lambdas.shared.store.packing import unpacked_item, unpacked_learner
from tests.integration.stage import InvokedStage, drafts
from tests.support import recount

TALLIES = ("users", "sessions", "questions")

Records = list[dict[str, Any]]


@dataclass
class Letters:
    """Dead letters in memory; `failures` calls fail first."""

    kept: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)
    failures: int = 0

    def keep(self, records: Sequence[Mapping[str, Any]]) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("The bucket cannot be written.")
        self.kept.append(records)


def play(stage: InvokedStage, user: str, pattern: str, *categories: str, session: str = "") -> str:
    """Answer by a pattern of `r`ight and `w`rong, a second apart; return the session's id."""
    sources = [{"category": each} for each in categories or ("geography",)]
    session = session or stage.start(*sources, user=user, percentage=0)
    shown = stage.question(session, user)["question"]
    for each in pattern:
        stage.clock.advance(1000)
        reply = stage.answer(session, shown, right=each == "r", user=user)
        assert reply.status == 200, reply.body
        shown = reply.body["question"]
    return session


def small_bank(stage: InvokedStage) -> InvokedStage:
    """Save eight questions of geography and three of history."""
    stage.save(*drafts("geography", 8), *drafts("history", 3))
    return stage


def answers_of_two_days(bank: InvokedStage) -> Records:
    """Return two learners' answers of three sessions and two days, as stream records."""
    play(bank, "ada", "rwrrrwwr")
    play(bank, "bob", "rrr", "history")
    bank.clock.advance(DAY)
    play(bank, "ada", "wrrr", "history", "geography")
    return bank.records()


def tallies(stage: InvokedStage) -> dict[str, list[Any]]:
    """The tallies, without the number of their writes."""
    kept = {
        table: [
            {name: value for name, value in row.items() if name != "tallyVersion"}
            for row in stage.rows(table)
            if "tally" in row
        ]
        for table in TALLIES
    }
    return deepcopy(kept)


def given(records: Sequence[Mapping[str, Any]]) -> list[GivenAnswer]:
    return [answer for each in records if (answer := given_answer(each))]


def forget(stage: InvokedStage) -> None:
    """Take back all that was counted; a user's item keeps the rest, such as the starts."""
    database = stage.services.database
    for row in stage.rows("users"):
        if "tally" in row:
            database.call(
                "update_item",
                TableName=stage.services.users.name,
                Key={"userId": row["userId"]},
                UpdateExpression="REMOVE tally, tallyVersion, ledger, ledgerDay",
            )
    for table, keys in (("sessions", ["userId", "sessionId"]), ("questions", ["questionId"])):
        for row in stage.rows(table):
            if "tally" in row:
                database.call(
                    "delete_item",
                    TableName=getattr(stage.services, table).name,
                    Key={key: row[key] for key in keys},
                )


def counted(stage: InvokedStage, records: Records) -> dict[str, list[Any]]:
    """The tallies after counting these at once, from nothing."""
    forget(stage)
    assert stage.deliver(records) == []
    result = tallies(stage)
    forget(stage)
    return result


def log_line(stage: InvokedStage) -> Any:
    return json.loads(stage.read_output().splitlines()[-1])


def assert_recounted(stage: InvokedStage, records: Records) -> None:
    """Assert that the tallies are those of an independent recount."""
    answers = given(records)
    for row in stage.rows("users"):
        if "tally" not in row:
            continue
        own = [each for each in answers if each.user_id == row["userId"]["S"]]
        tally = unpacked_learner(row["tally"]["B"])
        today = stage.clock.now // DAY
        expected = recount.learner_totals(own, today)
        streak = tally.active_days
        assert expected["streaks"] == {
            "currentDays": streak.current(today),
            "bestDays": streak.best,
            "currentAnswers": tally.answers.suffix,
            "bestAnswers": tally.answers.best,
        }
        overall = tally.overall
        assert expected["questionsAttempted"] == overall.questions
        assert (expected["correct"], expected["wrong"]) == (overall.correct, overall.wrong)
        assert expected["mastered"] == overall.mastered
        assert expected["timeSpent"] == tally.time_spent / 1000
    items = {
        row["questionId"]["S"]: unpacked_item(row["tally"]["B"])
        for row in stage.rows("questions")
        if "tally" in row
    }
    by_version = recount.by_version(answers)
    assert set(items) == {f"#statistics#{each}#{version}" for each, version in by_version}
    for (question, version), own in by_version.items():
        expected = recount.item_statistics(own, 4)
        item = items[f"#statistics#{question}#{version}"]
        assert (item.answers, item.right) == (expected["answers"], expected["right"])
        assert (item.first_tries, item.first_right) == (
            expected["firstTries"],
            expected["firstRight"],
        )
        assert item.taken(4) == expected["taken"]
        assert item.first_taken(4) == expected["firstTaken"]


def sequence(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def many_learners(record: Mapping[str, Any], how_many: int) -> Records:
    """Return the first answer of a session of each of many learners, to one question."""
    made = []
    for number in range(how_many):
        images = record["dynamodb"]
        image = {**images["NewImage"], "userId": {"S": f"learner-{number}"}}
        made.append(
            {
                **record,
                "dynamodb": {**images, "SequenceNumber": str(1000 + number), "NewImage": image},
            }
        )
    return made
