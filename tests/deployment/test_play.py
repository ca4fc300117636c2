"""The bank is filled, sessions are played, and mistakes come back."""

import json
import time
from collections.abc import Iterable
from pathlib import Path

from tests.deployment.api_user import CATEGORY, ApiUser, bank_questions
from tests.deployment.local_cloud import (
    PREFIX,
    STAGE,
    Deployment,
)


def test_a_stage_without_a_bank_passes_the_smoke_test(
    deployment: Deployment, learner: ApiUser
) -> None:
    """Through the gateway and its authorizer into the functions, each under its own role."""
    done = deployment.cloud.operate("smoke")
    assert done.returncode == 0, f"{done.stderr}\n{deployment.cloud.function_logs()}"
    assert done.stdout.startswith(f"Stage {STAGE} is well: 3 questions mastered in ")
    assert learner.call("GET", "/questions/categories") == {"categories": []}


def test_an_administrator_fills_the_bank(admin: ApiUser, learner: ApiUser) -> None:
    for first in (0, 20):
        body = {"questions": bank_questions(first, 20)}
        results = admin.call("POST", "/admin/questions", body)["results"]
        assert [each["status"] for each in results] == ["CREATED"] * 20
    again = admin.call("POST", "/admin/questions", {"questions": bank_questions(0, 1)})
    assert again["results"][0]["status"] == "UNCHANGED"
    (category,) = learner.call("GET", "/questions/categories")["categories"]
    assert (category["category"], category["questionCount"]) == (CATEGORY, 40)


BANK = """\
$CATEGORY: capitals

::Peru:: The capital of Peru is { =Lima ~Cusco ~Arequipa }

::Chad:: The capital of Chad is { =N'Djamena ~Moundou ~Abéché }

::Essay:: Describe a capital. {}
"""


def test_an_administrator_imports_a_bank_into_the_stage(
    deployment: Deployment, admin: ApiUser, tmp_path: Path
) -> None:
    """Repeated, it changes nothing; a question that no session could show is refused by name."""
    bank = tmp_path / "capitals.gift"
    bank.write_text(BANK, encoding="utf-8")
    for outcome in ("created", "unchanged"):
        done = deployment.cloud.operate("import", bank, "--user", admin.name, **admin.credentials)
        assert done.returncode == 1, done.stdout + done.stderr  # the essay is refused
        assert "capitals.gift, line 7 (Essay)" in done.stdout, done.stdout + done.stderr
        report = deployment.cloud.folder / "data" / f"import-{STAGE}.csv"
        assert report.read_text(encoding="utf-8").count(outcome) == 2
    categories = admin.call("GET", "/questions/categories")["categories"]
    assert {each["category"]: each["questionCount"] for each in categories}["capitals"] == 2


def test_a_teacher_exports_the_bank_again(
    deployment: Deployment, admin: ApiUser, tmp_path: Path
) -> None:
    file = tmp_path / "capitals.jsonl"
    chosen = ("--category", "capitals", "--file", file)
    done = deployment.cloud.operate("export", "--user", admin.name, *chosen, **admin.credentials)
    assert done.returncode == 0, done.stderr
    texts = {json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()}
    assert texts == {"The capital of Peru is", "The capital of Chad is"}


def test_the_smoke_session_is_played(deployment: Deployment) -> None:
    """Beside a bank, and a second time: its user is gone."""
    done = deployment.cloud.operate("smoke")
    assert done.returncode == 0, f"{done.stderr}\n{deployment.cloud.function_logs()}"
    assert done.stdout.startswith(f"Stage {STAGE} is well: 3 questions mastered in ")
    cognito = deployment.cloud.client("cognito-idp")
    users = cognito.list_users(UserPoolId=deployment.outputs.userPoolId)["Users"]
    emails = [a["Value"] for user in users for a in user["Attributes"] if a["Name"] == "email"]
    assert not [email for email in emails if email.startswith("smoke-")]


def test_a_long_pool_is_worked_off(learner: ApiUser) -> None:
    """Past the 16 corrections that a session item carries, the rest comes from the table."""
    session_id, question = learner.start_session(20)
    for _ in range(20):
        question = learner.miss_and_mend(session_id, question)
    for _ in range(40):
        assert question["fromWrongPool"]
        question = learner.answer(session_id, question, right=True)["question"]
    assert question is None
    ended = learner.call("GET", f"/sessions/{session_id}")
    assert ended["status"] == "COMPLETED"
    assert ended["progress"]["wrongAnswers"] == 20


def test_what_abandoned_sessions_left_is_reviewed(admin: ApiUser, learner: ApiUser) -> None:
    """Left by two of them, a question is reviewed once."""
    admin.call("POST", "/admin/questions", {"questions": bank_questions(0, 1, "leftovers")})
    for _ in range(2):
        session_id, question = learner.start_session(1, "leftovers")
        learner.miss_and_mend(session_id, question)
        learner.call("DELETE", f"/sessions/{session_id}", status=204)
    left = learner.call("GET", "/users/me/wrong-answers")["wrongAnswers"]
    assert len(left) == 2

    review = learner.call("POST", "/sessions", {"review": {"category": "leftovers"}}, 201)
    assert review["progress"]["totalQuestions"] == 1
    session_id = review["sessionId"]
    question = learner.call("GET", f"/sessions/{session_id}/question")["question"]
    while question is not None:
        question = learner.answer(session_id, question, right=True)["question"]
    assert learner.call("GET", f"/sessions/{session_id}")["status"] == "COMPLETED"
    assert learner.call("GET", "/users/me/wrong-answers")["wrongAnswers"] == []


def test_a_retired_question_stays_with_the_session_that_shows_it(
    admin: ApiUser, learner: ApiUser
) -> None:
    session_id, question = learner.start_session(5)
    admin.call("DELETE", f"/admin/questions/{question['questionId']}", status=204)
    shown = learner.call("GET", f"/sessions/{session_id}/question")["question"]
    assert shown == question


def owe_beyond_the_head(admin: ApiUser, learner: ApiUser, category: str) -> tuple[str, list[str]]:
    """Return a session that owes 17 questions, one more than its item carries, and their ids.

    The function that draws still has the first question in memory, so that one is worked off.
    """
    admin.call("POST", "/admin/questions", {"questions": bank_questions(0, 18, category)})
    session_id, question = learner.start_session(18, category)
    order = []
    for _ in range(18):
        order.append(question["questionId"])
        question = learner.miss_and_mend(session_id, question)
    tries = 2
    while tries:
        tries -= question["questionId"] == order[0]
        question = learner.answer(session_id, question, right=True)["question"]
    return session_id, order[1:]


def test_questions_that_are_lost_while_they_are_owed_are_replaced_on_screen(
    deployment: Deployment, admin: ApiUser, learner: ApiUser
) -> None:
    """All that the session item carries is gone: the quiz function reads and writes the pool."""
    session_id, owed = owe_beyond_the_head(admin, learner, "lost")
    lose(deployment, owed[:-1])
    shown = learner.call("GET", f"/sessions/{session_id}/question")
    assert shown["question"]["questionId"] == owed[-1]
    assert shown["penaltyIndicator"] == "(+1 Question @ 2 Tries)"


def test_what_a_session_owed_when_it_expired_is_reviewed(
    deployment: Deployment, admin: ApiUser, learner: ApiUser
) -> None:
    """The session function closes the session, and reads the pool past what is gone.

    A session that expires later on that day is read, and keeps what it owes.
    """
    session_id, owed = owe_beyond_the_head(admin, learner, "expired")
    lose(deployment, owed[:-1])
    review, now = {"review": {"category": "expired"}}, int(time.time() * 1000)
    change(deployment, learner, session_id, "ends", now // 86_400_000)
    refused = learner.call("POST", "/sessions", review, 422)
    assert [each["field"] for each in refused["errors"]] == ["review"]
    change(deployment, learner, session_id, "expiresAt", now - 1_000)
    started = learner.call("POST", "/sessions", review, 201)
    shown = learner.call("GET", f"/sessions/{started['sessionId']}/question")["question"]
    assert shown["questionId"] == owed[-1]
    assert learner.call("GET", f"/sessions/{session_id}")["status"] == "ABANDONED"


def change(
    deployment: Deployment, learner: ApiUser, session_id: str, attribute: str, value: int
) -> None:
    """Change a number of a learner's session, as time would."""
    deployment.cloud.client("dynamodb").update_item(
        TableName=f"{PREFIX}-sessions",
        Key={"userId": {"S": learner.claims["sub"]}, "sessionId": {"S": session_id}},
        UpdateExpression="SET #attribute = :value",
        ExpressionAttributeNames={"#attribute": attribute},
        ExpressionAttributeValues={":value": {"N": str(value)}},
    )


def test_a_session_whose_questions_are_all_lost_is_over(
    deployment: Deployment, admin: ApiUser, learner: ApiUser
) -> None:
    bank = admin.call("POST", "/admin/questions", {"questions": bank_questions(0, 9, "fresh")})
    session_id, question = learner.start_session(9, "fresh")
    learner.answer(session_id, question, right=True)
    lose(deployment, [each["questionId"] for each in bank["results"]])
    shown = learner.call("GET", f"/sessions/{session_id}/question")
    assert (shown["nextAction"], shown["question"]) == ("SESSION_COMPLETED", None)
    assert shown["progress"]["totalQuestions"] == 1


def lose(deployment: Deployment, question_ids: Iterable[str]) -> None:
    """Delete questions behind the API's back."""
    dynamodb = deployment.cloud.client("dynamodb")
    for question_id in question_ids:
        key = {"questionId": {"S": question_id}}
        dynamodb.delete_item(TableName=f"{PREFIX}-questions", Key=key)


def test_a_learner_reads_their_record(admin: ApiUser, learner: ApiUser) -> None:
    totals = learner.call("GET", "/users/me/progress")
    assert totals["userId"] == learner.claims["sub"]
    assert set(totals["streaks"]) == {"currentDays", "bestDays", "currentAnswers", "bestAnswers"}
    path = f"/users/me/progress/questions?category={CATEGORY}&limit=5&include=question"
    page = learner.call("GET", path)
    assert len(page["questions"]) == 5
    assert all(each["question"]["text"] for each in page["questions"])
    assert page["nextToken"]
    assert learner.call("GET", "/sessions?limit=1")["sessions"]
    learner_id = learner.claims["sub"]
    assert admin.call("GET", f"/users/{learner_id}/progress")["userId"] == learner_id
    assert admin.call("GET", f"/admin/questions?category={CATEGORY}")["questions"]
