"""The smoke test's own parts, and that it finds what is wrong."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.data_folder import ROOT, DataFolder
from local.errors import CommandError
from ops.deploy.api import Api
from ops.deploy.learner import Learner, Question
from ops.deploy.outputs import Outputs
from ops.deploy.sign_in import access_token, one_time_code
from ops.deploy.smoke import Play, SmokeError
from tests.deployment.local_cloud import REGION
from tests.laptop.stage_process import StageProcess, environment, run_program


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StageProcess]:
    """A laptop stage with the sample bank."""
    data = DataFolder(tmp_path_factory.mktemp("laptop"))
    process = subprocess.Popen(
        [sys.executable, "-m", "local.run"],
        cwd=ROOT,
        env=environment(data, PORT="0"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stage = StageProcess(data, process)
    yield stage.await_ready()
    stage.close()


def test_a_laptop_stage_is_well(laptop: StageProcess) -> None:
    done = run_program("smoke", laptop.data, "--stage", "local")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Stage local is well: 3 questions mastered in ")


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
        learner = Learner(known=learner.known)
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


def test_what_was_right_by_luck_is_answered_wrong_once() -> None:
    shown = question("SINGLE_CHOICE", "a", "b")
    learner = Learner(known={"q": frozenset(["a"])})
    assert learner.choose(shown) == ["1"]
    learner.enter(shown, ["1"], correct=False)
    assert learner.choose(shown) == ["0"]


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2e10, "353130")],
)
def test_a_one_time_code_is_that_of_rfc_6238(at: float, code: str) -> None:
    assert one_time_code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", at) == code


class StrictPool:
    """A pool that asks for a second factor, as prod's does: the local cloud lets its users in."""

    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # pragma: allowlist secret

    def associate_software_token(self, Session: str) -> dict[str, str]:  # noqa: N803
        assert Session == "first"
        return {"SecretCode": self.secret, "Session": "second"}

    def verify_software_token(self, Session: str, UserCode: str) -> dict[str, str]:  # noqa: N803
        assert Session == "second"
        now = time.time()
        assert UserCode in {one_time_code(self.secret, at) for at in (now - 30, now)}
        return {"Status": "SUCCESS", "Session": "third"}

    def respond_to_auth_challenge(self, **answer: object) -> dict[str, Any]:
        assert answer == {
            "ClientId": "client",
            "ChallengeName": "MFA_SETUP",
            "Session": "third",
            "ChallengeResponses": {"USERNAME": "ada@example.com"},
        }
        return {"AuthenticationResult": {"AccessToken": "token"}}


OUTPUTS = Outputs(apiUrl="", userPoolId="a_b", userPoolClientId="client", region=REGION)


def test_a_user_who_must_have_a_second_factor_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"ChallengeName": "MFA_SETUP", "Session": "first"}
    monkeypatch.setattr("ops.deploy.sign_in.AWSSRP.authenticate_user", lambda _: asked)

    def second_factor(secret: str | None) -> str:
        assert secret
        return one_time_code(secret, time.time())

    token = access_token(StrictPool(), OUTPUTS, "ada@example.com", "made-up", second_factor)
    assert token == "token"


def test_nobody_is_given_a_second_factor_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of one's own would be locked out by a secret that they have never seen."""
    asked = {"ChallengeName": "MFA_SETUP", "Session": "first"}
    monkeypatch.setattr("ops.deploy.sign_in.AWSSRP.authenticate_user", lambda _: asked)
    with pytest.raises(CommandError, match="second factor"):
        access_token(StrictPool(), OUTPUTS, "ada@example.com", "made-up")
