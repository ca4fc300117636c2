"""Counts what a question and an answer take, layer by layer: `make bench-warm` (RECORD=1).

The layers are those of `serve.py`; each is the difference to what is left when it is cut out. Fails
where a goal is missed.
"""

import json
import sys
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session

from lambdas.shared.services import services
from local.data_folder import ROOT
from ops.record import table, write_section
from tests.integration.stage import submission
from tests.performance.packaged import LEARNER, Database, M, bench_database, event, packaged
from tests.performance.serve import LAYERS, NEVER

REQUESTS = 40
"""N: N and 2N are served."""

QUESTIONS = 300
ERRORS = 0.2
"""Share of wrong answers."""

GOAL, ENGINE_GOAL = 12.0, 0.8
"""Millions of instructions of a submit: all of it, and the engine."""

CATEGORY = "geography"
PROGRAM = ROOT / "tests" / "performance" / "serve.py"
SECTION = "warm path"
NAMED = {
    "replayed": "**ours**: the engine",
    "functions": "**ours**: event to response, items, log line, audit record",
    "calls": "boto3: request, signature, retries, response",
    "HTTP": "boto3: HTTP",
}


class Recorder:
    """Lets requests through to the engine, and keeps what it answers."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str]] = []
        self._session = URLLib3Session()

    def __call__(self, request: AWSPreparedRequest, **_: object) -> Any:
        """Send a request."""
        response = self._session.send(request)
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        self.answers.append((operation, response.content.decode()))
        return response


def recordings(database: Database) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Play a session; return its questions asked, its answers given, and its item at the start.

    However slow the machine is, no question is read again: when it is served, none is either.
    """
    with patch("lambdas.shared.bank.GRADED_FOR", NEVER):
        return _recordings(database)


def _recordings(database: Database) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    questions = [f"{CATEGORY}:{number:06d}" for number in range(QUESTIONS)]
    database.save(CATEGORY, QUESTIONS)
    bank, random = services().bank, Random(1)
    assert len(bank.get(questions)) == QUESTIONS
    session_id = database.call("startSession", {"sources": [{"category": CATEGORY}]})["sessionId"]
    client, sessions = services().database.client, services().sessions
    key = {"userId": {"S": LEARNER}, "sessionId": {"S": session_id}}
    item: dict[str, Any] = dict(client.get_item(TableName=sessions.name, Key=key)["Item"])

    recorder = Recorder()
    client.meta.events.register("before-send.dynamodb", recorder)
    shown = database.call("getQuestion", sessionId=session_id)["question"]
    asked, recorder.answers = recorder.answers * 2 * REQUESTS, []
    submits = []
    for _ in range(2 * REQUESTS):
        body = submission(shown, right=random.random() > ERRORS)
        submits.append(event("submitAnswer", body, sessionId=session_id))
        shown = database.call("submitAnswer", body, sessionId=session_id)["question"]
    client.meta.events.unregister("before-send.dynamodb", recorder)
    asking = [event("getQuestion", sessionId=session_id)] * 2 * REQUESTS
    return (
        {"function": "quiz", "events": asking, "answers": asked, "questions": questions},
        {
            "function": "answer",
            "events": submits,
            "answers": recorder.answers,
            "questions": questions,
        },
        item,
    )


def own(counts: list[float]) -> list[float]:
    """Return what each layer takes by itself: served twice, the engine was left out once."""
    twice, functions, *others = counts
    # A question's engine is a few hashes that are remembered: less than two runs may differ by.
    engine = max(2 * functions - twice, 0.0)
    whole = [functions, *others]
    beyond = [after - before for before, after in pairwise(whole)]
    return [engine, functions - engine, *beyond, whole[-1]]


def main(arguments: list[str]) -> int:
    """Print the table; return the process's status."""
    counts: dict[str, list[float]] = {}
    with packaged() as made, bench_database() as database, TemporaryDirectory() as name:
        *both, item = recordings(database)
        client, sessions = services().database.client, services().sessions
        for recording in both:
            file = Path(name) / recording["function"]
            file.write_text(json.dumps(recording), encoding="utf-8")
            found = []
            for layer in LAYERS:
                taken = []
                for requests in (REQUESTS, 2 * REQUESTS):
                    user = f"{recording['function']}-{layer}-{requests}"
                    client.put_item(TableName=sessions.name, Item={**item, "userId": {"S": user}})
                    program = (PROGRAM, made.asset, file, layer, requests, user)
                    taken.append(made.instructions(program, database.environment))
                found.append((taken[1] - taken[0]) / REQUESTS / M)
            counts[recording["function"]] = found
    question, answer = own(counts["quiz"]), own(counts["answer"])
    names = [*(NAMED[layer] for layer in LAYERS), "all"]
    rows = [
        (name, f"{of_question:.2f}", f"{of_answer:.2f}")
        for name, of_question, of_answer in zip(names, question, answer, strict=True)
    ]
    head = ("layer, M instructions", "GET question (1 call)", "POST answer (2 calls)")
    content = f"One answer in {round(1 / ERRORS)} is wrong.\n\n{table(head, rows)}"
    missed = []
    if answer[-1] > GOAL:
        missed.append(f"An answer takes more than {GOAL} M instructions.")
    if answer[0] > ENGINE_GOAL:
        missed.append(f"An answer takes more than {ENGINE_GOAL} M instructions of the engine.")
    print(content, *missed, sep="\n")
    if "--record" in arguments:
        write_section(SECTION, content)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
