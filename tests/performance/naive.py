"""The same quiz as one would write it first: a yardstick that runs in the same process.

Sound code for a small bank, with the usual choices: the session item lists the ids that remain, a
draw reads the learner's pool (which also gives the indicator), every read goes to the table, and
each table is written by itself. It has neither the exactly-once guard nor all or nothing.
"""

import json
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, Key

TRIES = 2


class NaiveQuiz:
    """Handlers for the two routes a learner plays with."""

    def __init__(self, clock: Any, random: Random) -> None:
        """Take the tables from the environment, as the real handlers do."""
        resource: Any = boto3.resource("dynamodb", endpoint_url=os.environ["DYNAMODB_ENDPOINT"])
        self.client = resource.meta.client
        self.random = random
        self._clock = clock
        self._sessions = resource.Table(os.environ["SESSIONS_TABLE"])
        self._questions = resource.Table(os.environ["QUESTIONS_TABLE"])
        self._progress = resource.Table(os.environ["PROGRESS_TABLE"])
        self._wrong_answers = resource.Table(os.environ["WRONG_ANSWERS_TABLE"])

    def start(self, user: str, session: str, question_ids: Sequence[str]) -> None:
        """Begin a session on these questions."""
        item: dict[str, Any] = {"userId": user, "sessionId": session}
        item["remaining"] = list(question_ids)
        item |= {"status": "ACTIVE", "answered": 0, "correct": 0, "wrong": 0, "mastered": 0}
        self._show(item, self._question(self._draw_fresh(item)))
        self._sessions.put_item(Item=item)

    def get_question(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """GET /sessions/{sessionId}/question."""
        session = self._session(event)
        question = self._question(session["current"])
        return self._response(session, question, self.entries(session))

    def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """POST /sessions/{sessionId}/answer."""
        session = self._session(event)
        question = self._question(session["current"])
        chosen = set(json.loads(event["body"])["selectedAnswers"])
        right = chosen == self._right(question, session["order"])
        self._count(session, right=right)
        if right:
            self._settle(session)
            question = self._next(session)
        else:
            session["missed"] = True
            self._show(session, question, before=session["order"])
        self._sessions.put_item(Item=session)
        return self._response(session, question, self.entries(session), correct=right)

    def draw(self, session: dict[str, Any]) -> str:
        """Take the next question's id: one in five times the oldest of the pool."""
        entries = self.entries(session)
        if entries and (not session["remaining"] or self.random.random() < 0.2):
            session["entry"] = entries[0]
            return str(entries[0]["questionId"])
        session["entry"] = None
        return self._draw_fresh(session)

    def write_turn(self, session: dict[str, Any]) -> None:
        """Write what an answer that enters the pool changes."""
        self._count(session, right=True)
        self._queue(session)
        self._sessions.put_item(Item=session)

    def _next(self, session: dict[str, Any]) -> dict[str, Any]:
        question = self._question(self.draw(session))
        self._show(session, question)
        return question

    def _settle(self, session: dict[str, Any]) -> None:
        entry = session.get("entry")
        if session.pop("missed", False):
            if entry:
                self._wrong_answers.delete_item(Key=self._key(entry))
            self._queue(session)
        elif entry and entry["remainingTries"] > 1:
            self._wrong_answers.update_item(
                Key=self._key(entry),
                UpdateExpression="ADD remainingTries :less",
                ExpressionAttributeValues={":less": -1},
            )
        elif entry:
            self._wrong_answers.delete_item(Key=self._key(entry))
            session["mastered"] += 1
        else:
            session["mastered"] += 1

    def _queue(self, session: dict[str, Any]) -> None:
        self._wrong_answers.put_item(
            Item={
                "userId": session["userId"],
                "timestamp": f"{self._clock():020d}#{session['current']}",
                "questionId": session["current"],
                "sessionId": session["sessionId"],
                "remainingTries": TRIES,
            }
        )

    def _count(self, session: dict[str, Any], *, right: bool) -> None:
        session["answered"] += 1
        session["correct" if right else "wrong"] += 1
        self._progress.update_item(
            Key={"userId": session["userId"], "questionId": session["current"]},
            UpdateExpression="SET lastSeenAt = :at ADD attempts :one, #counted :one",
            ExpressionAttributeNames={"#counted": "correct" if right else "wrong"},
            ExpressionAttributeValues={":at": self._clock(), ":one": 1},
        )

    def session(self, user: str, session: str) -> dict[str, Any]:
        """Read a session."""
        key = {"userId": user, "sessionId": session}
        item: dict[str, Any] = self._sessions.get_item(Key=key, ConsistentRead=True)["Item"]
        return item

    def _session(self, event: Mapping[str, Any]) -> dict[str, Any]:
        user = event["requestContext"]["authorizer"]["claims"]["sub"]
        return self.session(user, event["pathParameters"]["sessionId"])

    def _question(self, question_id: str) -> dict[str, Any]:
        item: dict[str, Any] = self._questions.get_item(Key={"questionId": question_id})["Item"]
        return item

    def entries(self, session: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Read the session's pool, oldest first."""
        query: dict[str, Any] = {
            "KeyConditionExpression": Key("userId").eq(session["userId"]),
            "FilterExpression": Attr("sessionId").eq(session["sessionId"]),
            "ConsistentRead": True,
        }
        entries: list[dict[str, Any]] = []
        while True:
            page = self._wrong_answers.query(**query)
            entries += page["Items"]
            if "LastEvaluatedKey" not in page:
                return entries
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _draw_fresh(self, session: dict[str, Any]) -> str:
        remaining = session["remaining"]
        return str(remaining.pop(self.random.randrange(len(remaining))))

    def _show(
        self, session: dict[str, Any], question: Mapping[str, Any], before: Any = None
    ) -> None:
        order = list(range(len(question["choices"])))
        while True:
            self.random.shuffle(order)
            if before is None or order != [int(each) for each in before]:
                break
        session["current"], session["order"] = question["questionId"], order

    @staticmethod
    def _right(question: Mapping[str, Any], order: Sequence[Decimal]) -> set[str]:
        choices = question["choices"]
        return {str(place) for place, index in enumerate(order) if choices[int(index)]["correct"]}

    @staticmethod
    def _key(entry: Mapping[str, Any]) -> dict[str, Any]:
        return {"userId": entry["userId"], "timestamp": entry["timestamp"]}

    @staticmethod
    def _response(
        session: Mapping[str, Any],
        question: Mapping[str, Any],
        entries: Sequence[Mapping[str, Any]],
        **other: Any,
    ) -> dict[str, Any]:
        choices = question["choices"]
        tries = sum(int(entry["remainingTries"]) for entry in entries)
        body = {
            **other,
            "penaltyIndicator": f"(+{len(entries)} Questions @ {tries} Tries)" if entries else "",
            "question": {
                "questionId": session["current"],
                "text": question["text"],
                "answers": [
                    {"id": str(place), "text": choices[int(index)]["text"]}
                    for place, index in enumerate(session["order"])
                ],
            },
            "progress": {
                name: int(session[name]) for name in ("answered", "correct", "wrong", "mastered")
            },
        }
        return {"statusCode": 200, "headers": {}, "body": json.dumps(body)}
