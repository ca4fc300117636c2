"""The smoke test's own parts, and that it finds what is wrong."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.question import SMOKE_CATEGORY
from local.data_folder import DataFolder
from ops.deploy.api import Api
from ops.deploy.learner import Learner, Question
from ops.deploy.smoke import Play, SmokeError
from tests.support.stage_process import StageProcess, run_program


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StageProcess]:
    """A laptop stage with the sample bank."""
    data = DataFolder(tmp_path_factory.mktemp("laptop"))
    stage = StageProcess.start(data)
    yield stage.await_ready()
    stage.close()


def test_a_laptop_stage_is_well(laptop: StageProcess) -> None:
    done = run_program("smoke", laptop.data, "--stage", "local")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Stage local is well: 3 questions mastered in ")
    assert len(laptop.data.deleted_accounts.read_text().split()) == 1, "its user is erased"
    with laptop.client(laptop.token("ada")) as client:
        listed = client.get("/questions/categories").json()["categories"]
    assert SMOKE_CATEGORY not in {each["category"] for each in listed}


Change = Callable[[dict[str, Any]], dict[str, Any]]

FAULTS: dict[str, tuple[str, Change]] = {
    "a wrong indicator": (
        "its penalty indicator is '(+9 Questions @ 9 Tries)'",
        lambda body: body | {"penaltyIndicator": "(+9 Questions @ 9 Tries)"},
    ),
    "an end before its time": (
        "its session ended ACTIVE",
        lambda body: (
            body
            | {"correct": True, "penaltyIndicator": ""}
            | {"nextAction": "SESSION_COMPLETED", "question": None}
        ),
    ),
    "the right answer given away": (
        "a wrong answer does not bring its question back",
        lambda body: body | ({} if body["correct"] else {"correctAnswers": ["a"]}),
    ),
}


def play(api: Api) -> None:
    learner = Learner()
    while not learner.wrong:
        learner = Learner()
        Play(api, learner).session([{"category": "python", "questionCount": 3}])


@pytest.mark.parametrize(("told", "change"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(laptop: StageProcess, told: str, change: Change) -> None:
    """The real stage, but for what something between does to its answers."""

    class Faulty(Api):
        def call(self, method: str, path: str, body: object = None, expected: int = 200) -> Any:
            answered = super().call(method, path, body, expected)
            return change(answered) if path.endswith("/answer") else answered

    with laptop.client(laptop.token("faulty")) as client:
        with pytest.raises(SmokeError, match=re.escape(told)):
            play(Faulty(client))
        assert client.get("/sessions?status=ACTIVE").json()["sessions"] == []


def test_a_stage_that_does_not_run_is_told(tmp_path: Path) -> None:
    done = run_program("smoke", DataFolder(tmp_path), "--stage", "local")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The stage is not running: start it with 'make run'.\n"


def question(kind: str, *texts: str) -> Question:
    answers = [{"id": str(place), "text": text} for place, text in enumerate(texts)]
    return {"questionId": "q", "type": kind, "answers": answers}


def test_every_choice_of_one_is_tried_once_and_the_right_one_remembered() -> None:
    learner = Learner()
    shown = question("SINGLE_CHOICE", "c", "a", "b")
    for expected in ("1", "2", "0"):
        chosen = learner.choose(shown)
        assert chosen == [expected]
        learner.enter(shown, chosen, correct=expected == "0")
    assert learner.choose(question("SINGLE_CHOICE", "a", "c", "b")) == ["1"]
    assert learner.indicator == "(+1 Question @ 2 Tries)"


def test_the_first_try_at_several_choices_is_wrong_for_sure_and_all_others_follow() -> None:
    learner = Learner()
    shown = question("MULTIPLE_CHOICE", "a", "b", "c")
    tried = []
    for _ in range(7):
        tried.append(learner.choose(shown))
        learner.enter(shown, tried[-1], correct=False)
    assert tried[0] == ["0", "1", "2"]
    assert len({frozenset(each) for each in tried}) == 7
