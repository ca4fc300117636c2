"""Recorded sessions: the same seed and answers give the same session, release after release.

golden/README.md explains how to record them anew.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from domain.question import question_id
from domain.session.policy import Spacing
from domain.session.pool import HEAD_CAPACITY
from domain.session.replay import Replay, Submission
from domain.session.state import Reason, Session, Turn, progress_of
from tests.unit.domain.builders import (
    START,
    question,
    right_choices,
    session,
    shown_ids,
    source,
    wrong_choices,
)

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*.json"))
MADE_OF = ("title", "seed", "percentage", "spacing", "clock", "sources", "answers")

Json = dict[str, Any]


def begin(golden: Json) -> Replay:
    questions = {
        identifier: question(
            identifier, count=each["choices"], right=each["right"], pinned=each["pinned"]
        )
        for each in golden["sources"]
        for ordinal in range(each["size"])
        for identifier in [question_id(each["category"], ordinal)]
    }
    begun = session(
        *(source(each["category"], each["size"], each["ask"]) for each in golden["sources"]),
        percentage=golden["percentage"],
        seed=bytes.fromhex(golden["seed"]),
        spacing=Spacing(**golden["spacing"]) if "spacing" in golden else None,
    )
    return Replay(begun, questions)


def spaced_facts(session: Session, turn: Turn) -> Json:
    """Return the facts of a step that only the policy SPACED uses."""
    return {
        "reason": turn.known_reason.value,
        "ago": turn.ago,
        "passed": session.pool.passed.entries,
        "beyondHeads": [session.pool.waiting.beyond_head, session.pool.passed.beyond_head],
    }


def play(golden: Json) -> Json:
    """Return the steps of a session and its end, as the engine of today plays it."""
    playing = begin(golden)
    steps: list[Json] = []
    now = START
    while (asked := playing.question) is not None:
        turn, number = playing.session.turn, len(steps)
        assert turn is not None
        ids = shown_ids(playing.session, asked)
        careful = golden["answers"][number : number + 1] != "w"
        selected = right_choices(asked) if careful else wrong_choices(asked, which=number)
        step = {
            "turn": playing.session.turns,
            "questionId": turn.question_id,
            "fromPool": turn.from_pool,
            "order": list(turn.order),
            "choiceIds": [ids[index] for index in turn.order],
            "selected": sorted(selected),
        }
        answered = playing.submit(Submission(selected=selected, at=now))
        said = progress_of(playing.session)
        step |= {
            "outcome": answered.outcome.value,
            "indicator": said.penalty_indicator,
            "answersLeft": said.answers_left,
            "percentComplete": said.percent_complete,
            "queuedAt": [entry.queued_at - START for entry in playing.session.pool.head],
        }
        if "spacing" in golden:
            step |= spaced_facts(playing.session, turn)
        steps.append(step)
        now += golden["clock"][number % len(golden["clock"])]
    return {"steps": steps, "end": playing.session.status.value}


def written(golden: Json) -> str:
    """Return a session as its file has it: a line for each fact and each step."""
    lines = [f"{json.dumps(key)}: {json.dumps(golden[key])}" for key in MADE_OF if key in golden]
    steps = ",\n  ".join(json.dumps(step) for step in golden["steps"])
    lines += [f'"steps": [\n  {steps}]', f'"end": {json.dumps(golden["end"])}']
    return "{" + ",\n ".join(lines) + "}\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_session_plays_as_it_was_recorded(path: Path) -> None:
    golden = json.loads(path.read_text())
    played = play(golden)
    if os.environ.get("RECORD_GOLDEN") == "1":
        path.write_text(written(golden | played))
        pytest.skip(f"recorded {path.name}")

    for expected, step in zip(golden["steps"], played["steps"], strict=False):
        assert step == expected
    assert len(played["steps"]) == len(golden["steps"])
    assert played["end"] == golden["end"] == "COMPLETED"


def test_the_recorded_sessions_cover_what_they_are_named_for() -> None:
    golden = {path.stem: json.loads(path.read_text()) for path in FILES}

    assert set(golden) == {
        "deep_pool",
        "single_source",
        "spaced_deep_queues",
        "spaced_with_limit",
        "two_sources",
    }
    deep = golden["deep_pool"]["steps"]
    assert max(len(step["queuedAt"]) for step in deep) == HEAD_CAPACITY
    assert "(+22 Questions @ 44 Tries)" in {step["indicator"] for step in deep}
    queues = [step["beyondHeads"] for step in golden["spaced_deep_queues"]["steps"]]
    assert min(map(max, zip(*queues, strict=True))) > 0
    limited = golden["spaced_with_limit"]["steps"]
    assert max(len(step["queuedAt"]) for step in limited) == 4
    drawn = {
        step["reason"] for name in golden if "spaced" in name for step in golden[name]["steps"]
    }
    assert drawn == {*Reason} - {Reason.REVIEW}
    for each in golden.values():
        outcomes = {step["outcome"] for step in each["steps"]}
        assert outcomes == {"WRONG", "QUEUED", "LOWERED", "MASTERED"}
