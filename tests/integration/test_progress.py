"""A learner's progress: totals, record by question, and pool."""

from typing import Any

from tests.integration.stage import START, InvokedStage, Reply, drafts

GEOGRAPHY, HISTORY = {"category": "geography"}, {"category": "history"}
LISTS = ("listQuestionProgress", "listWrongAnswers")
ROUTES = ("getProgress", *LISTS)
HOUR = 3_600_000


def read(stage: InvokedStage, operation: str, user_id: str = "me", **other: Any) -> Reply:
    return stage.call(operation, path={"userId": user_id}, **other)


def body(stage: InvokedStage, operation: str, user_id: str = "me", **query: str) -> Any:
    reply = read(stage, operation, user_id, query=query)
    assert reply.status == 200, reply.body
    return reply.body


def pages(stage: InvokedStage, operation: str, **query: str) -> list[list[Any]]:
    found = []
    while True:
        page = body(stage, operation, **query)
        (items,) = (value for name, value in page.items() if name != "nextToken")
        found.append(items)
        if "nextToken" not in page:
            return found
        query["nextToken"] = page["nextToken"]


def totals_of(stage: InvokedStage) -> Any:
    """Return the totals once all answers are counted."""
    stage.count()
    return body(stage, "getProgress")


def play(stage: InvokedStage, session_id: str, pattern: str, seconds: int = 0) -> None:
    """Answer by a pattern of `r`ight and `w`rong, some seconds apart."""
    shown = stage.question(session_id)["question"]
    for each in pattern:
        stage.clock.advance(seconds * 1000)
        shown = stage.answer(session_id, shown, right=each == "r").body["question"]


def assert_problem(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.body["status"], reply.body["code"]) == (status, status, code)
    assert reply.headers["Content-Type"] == "application/problem+json"


# Totals


def test_the_totals_of_a_learner_who_never_answered_are_zero(bank: InvokedStage) -> None:
    bank.start(GEOGRAPHY)
    assert body(bank, "getProgress") == {
        "userId": "ada",
        "asOf": None,
        "questionsAttempted": 0,
        "attempts": 0,
        "correct": 0,
        "wrong": 0,
        "accuracy": 0.0,
        "mastered": 0,
        "timeSpent": 0.0,
        "wrongPoolSize": 0,
        "remainingTries": 0,
        "streaks": {"currentDays": 0, "bestDays": 0, "currentAnswers": 0, "bestAnswers": 0},
        "categories": [],
        "days": [],
    }


def test_totals_are_those_of_all_answers_in_all_sessions(bank: InvokedStage) -> None:
    play(bank, bank.start(HISTORY, percentage=0), "rr")
    bank.clock.advance(1)  # a session is after another by when it began
    play(bank, bank.start(GEOGRAPHY, percentage=0), "wwrrwr", seconds=1)
    bobs = bank.start(GEOGRAPHY, user="bob")
    bank.answer(bobs, bank.question(bobs, user="bob")["question"], user="bob")
    totals = totals_of(bank)
    assert totals == {
        "userId": "ada",
        "asOf": "2026-09-21T14:13:26.001Z",
        "questionsAttempted": 5,
        "attempts": 8,
        "correct": 5,
        "wrong": 3,
        "accuracy": 0.625,
        "mastered": 3,
        "timeSpent": 12.0,
        "wrongPoolSize": 2,
        "remainingTries": 4,
        "streaks": {"currentDays": 1, "bestDays": 1, "currentAnswers": 1, "bestAnswers": 2},
        "categories": [
            {
                "category": "geography",
                "questionsAttempted": 3,
                "correct": 3,
                "wrong": 3,
                "mastered": 1,
            },
            {
                "category": "history",
                "questionsAttempted": 2,
                "correct": 2,
                "wrong": 0,
                "mastered": 2,
            },
        ],
        "days": [{"date": "2026-09-21", "correct": 5, "wrong": 3}],
    }
    assert type(totals["accuracy"]) is type(totals["timeSpent"]) is float


def test_accuracy_has_four_decimals(bank: InvokedStage) -> None:
    play(bank, bank.start(GEOGRAPHY, percentage=0), "wrr")
    assert totals_of(bank)["accuracy"] == 0.6667


def test_what_an_abandoned_session_owes_still_counts(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY, percentage=0)
    play(bank, session_id, "wrwr")
    bank.call("abandonSession", path={"sessionId": session_id})
    totals = body(bank, "getProgress")
    assert (totals["wrongPoolSize"], totals["remainingTries"]) == (2, 4)


def test_totals_survive_a_question_that_left_the_bank(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]["questionId"]
    play(bank, session_id, "r")
    bank.lose(shown)
    assert totals_of(bank)["correct"] == 1
    assert body(bank, "listQuestionProgress")["questions"][0]["questionId"] == shown


def test_what_is_not_counted_yet_is_not_told_and_the_totals_say_as_of_when(
    bank: InvokedStage,
) -> None:
    session_id = bank.start(GEOGRAPHY, percentage=0)
    play(bank, session_id, "rw", seconds=10)
    counted = totals_of(bank)
    play(bank, session_id, "r", seconds=10)
    lagging = body(bank, "getProgress")
    # The pool's figures are current at once.
    assert {**lagging, "wrongPoolSize": 0, "remainingTries": 0} == counted
    assert (counted["asOf"], lagging["wrongPoolSize"]) == ("2026-09-21T14:13:40.000Z", 1)
    assert totals_of(bank)["asOf"] == "2026-09-21T14:13:50.000Z"


def test_a_streak_of_right_answers_goes_on_in_the_next_session(bank: InvokedStage) -> None:
    play(bank, bank.start(GEOGRAPHY, percentage=0), "rwrrr", seconds=1)
    play(bank, bank.start(HISTORY, percentage=0), "rr", seconds=1)
    streaks = totals_of(bank)["streaks"]
    assert (streaks["currentAnswers"], streaks["bestAnswers"]) == (5, 5)
    play(bank, bank.start(GEOGRAPHY, percentage=0), "w", seconds=1)
    streaks = totals_of(bank)["streaks"]
    assert (streaks["currentAnswers"], streaks["bestAnswers"]) == (0, 5)


def test_a_streak_of_days_is_by_utc_days_and_lasts_through_the_next(bank: InvokedStage) -> None:
    # The clock stands at 14:13: nine hours on it is 23:13, twelve hours on the next day.
    for hours in (0, 9, 12, 24):
        bank.clock.now = START + hours * HOUR
        play(bank, bank.start(GEOGRAPHY, percentage=0), "rw")
    totals = totals_of(bank)
    assert [(day["date"], day["correct"], day["wrong"]) for day in totals["days"]] == [
        ("2026-09-21", 2, 2),
        ("2026-09-22", 2, 2),
    ]
    for days, current in ((0, 2), (1, 2), (2, 0)):
        bank.clock.now = START + (days + 1) * 24 * HOUR
        streaks = body(bank, "getProgress")["streaks"]
        assert (streaks["currentDays"], streaks["bestDays"]) == (current, 2)


def test_days_are_the_last_thirty_with_an_answer(bank: InvokedStage) -> None:
    for days in (0, 1, 29, 30):
        bank.clock.now = START + days * 24 * HOUR
        play(bank, bank.start(GEOGRAPHY, percentage=0), "r")
    dates = [day["date"] for day in totals_of(bank)["days"]]
    assert dates == ["2026-09-22", "2026-10-20", "2026-10-21"]


def test_totals_are_read_in_two_calls_however_many_answers_were_given(bank: InvokedStage) -> None:
    assert read(bank, "getProgress").cost == (2, 1.0, 0.0)
    for _ in range(4):
        bank.clock.advance(60_000)
        play(bank, bank.start(GEOGRAPHY, percentage=0), "wr" * 6, seconds=1)
    bank.count()
    assert read(bank, "getProgress").body["attempts"] == 48
    # The pool's 24 entries are more than 4 KB.
    assert read(bank, "getProgress").cost == (2, 1.5, 0.0)


def test_an_erased_learner_has_no_totals(bank: InvokedStage) -> None:
    played(bank)
    bank.count()
    bank.services.database.call(
        "put_item",
        TableName=bank.services.users.name,
        Item={"userId": {"S": "ada"}, "erasedAt": {"N": "1"}},
    )
    assert read(bank, "getProgress").status == 401
    assert bank.admin("getProgress", path={"userId": "ada"}).status == 404


# Question by question


def test_the_record_of_a_question_has_the_body_of_the_contract(bank: InvokedStage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    question = bank.question(session_id)["question"]["questionId"]
    play(bank, session_id, "wrr", seconds=2)
    assert body(bank, "listQuestionProgress") == {
        "questions": [
            {
                "questionId": question,
                "category": "geography",
                "attempts": 3,
                "correct": 2,
                "wrong": 1,
                "mastered": False,
                "firstSeenAt": "2026-09-21T14:13:22.000Z",
                "lastSeenAt": "2026-09-21T14:13:26.000Z",
                "timeSpent": 4.5,
            }
        ]
    }
    play(bank, session_id, "r")
    (record,) = body(bank, "listQuestionProgress")["questions"]
    assert record["mastered"] is True
    assert record["attempts"] == 4


def test_a_question_only_ever_answered_wrong_has_a_record(bank: InvokedStage) -> None:
    play(bank, bank.start(GEOGRAPHY), "w")
    (record,) = body(bank, "listQuestionProgress")["questions"]
    counts = (record["attempts"], record["correct"], record["wrong"], record["mastered"])
    assert counts == (1, 0, 1, False)


def test_records_are_listed_in_pages_in_order_of_question(bank: InvokedStage) -> None:
    play(bank, bank.start(GEOGRAPHY, HISTORY, percentage=0), "r" * 9)
    found = pages(bank, "listQuestionProgress", limit="4")
    assert all(len(page) <= 4 for page in found)
    listed = [record["questionId"] for page in found for record in page]
    geography = [f"geography:{n:06d}" for n in range(6)]
    assert listed == geography + [f"history:{n:06d}" for n in range(3)]


def test_records_are_filtered_by_category(bank: InvokedStage) -> None:
    play(bank, bank.start(GEOGRAPHY, HISTORY, percentage=0), "r" * 9)
    found = pages(bank, "listQuestionProgress", category="history", limit="2")
    listed = [record["questionId"] for page in found for record in page]
    assert listed == [f"history:{n:06d}" for n in range(3)]
    for other in ("histor", "unheard-of"):
        assert body(bank, "listQuestionProgress", category=other) == {"questions": []}


def test_a_page_of_records_has_20_unless_told(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 21))
    play(stage, stage.start(GEOGRAPHY, percentage=0), "r" * 21)
    assert len(body(stage, "listQuestionProgress")["questions"]) == 20
    assert len(body(stage, "listQuestionProgress", limit="100")["questions"]) == 21


# The pool


def test_the_pool_has_the_body_of_the_contract_oldest_first(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY, percentage=0)
    owed = []
    shown = bank.question(session_id)["question"]
    for _ in range(2):
        owed.append(shown["questionId"])
        bank.clock.advance(1000)
        shown = bank.answer(session_id, shown, right=False).body["question"]
        shown = bank.answer(session_id, shown).body["question"]
    assert body(bank, "listWrongAnswers") == {
        "wrongAnswers": [
            {
                "questionId": question,
                "category": "geography",
                "timestamp": f"2026-09-21T14:13:2{second}.000Z",
                "remainingTries": 2,
                "sessionId": session_id,
            }
            for second, question in enumerate(owed, start=1)
        ]
    }


def test_the_pool_is_listed_in_pages(bank: InvokedStage) -> None:
    play(bank, bank.start(GEOGRAPHY, percentage=0), "wr" * 5)
    found = pages(bank, "listWrongAnswers", limit="2")
    assert all(len(page) <= 2 for page in found)
    listed = [entry for page in found for entry in page]
    assert listed == body(bank, "listWrongAnswers", limit="100")["wrongAnswers"]
    assert len({entry["questionId"] for entry in listed}) == 5
    assert [each["timestamp"] for each in listed] == sorted(each["timestamp"] for each in listed)


def test_a_lowered_entry_keeps_its_timestamp(bank: InvokedStage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    play(bank, session_id, "wr", seconds=1)
    (queued,) = body(bank, "listWrongAnswers")["wrongAnswers"]
    play(bank, session_id, "r", seconds=60)
    (lowered,) = body(bank, "listWrongAnswers")["wrongAnswers"]
    assert lowered == {**queued, "remainingTries": 1}
    play(bank, session_id, "wr", seconds=60)
    (again,) = body(bank, "listWrongAnswers")["wrongAnswers"]
    assert again["remainingTries"] == 2
    assert again["timestamp"] > queued["timestamp"]


def test_a_question_missed_but_not_put_right_is_not_in_the_pool(bank: InvokedStage) -> None:
    play(bank, bank.start(GEOGRAPHY), "ww")
    assert body(bank, "listWrongAnswers") == {"wrongAnswers": []}


# Who


def played(stage: InvokedStage) -> None:
    play(stage, stage.start(GEOGRAPHY, percentage=0), "wrwrr")
    stage.count()


def test_me_and_ones_own_id_are_the_same(bank: InvokedStage) -> None:
    played(bank)
    for operation in ROUTES:
        assert body(bank, operation, "ada") == body(bank, operation, "me")


def test_an_admin_may_read_another_learners(bank: InvokedStage) -> None:
    played(bank)
    for operation in ROUTES:
        theirs = bank.admin(operation, path={"userId": "ada"})
        assert (theirs.status, theirs.body) == (200, body(bank, operation))
        assert bank.admin(operation, path={"userId": "me"}).body != theirs.body


def test_an_admin_may_page_through_another_learners(bank: InvokedStage) -> None:
    played(bank)
    for operation in LISTS:
        first = bank.admin(operation, path={"userId": "ada"}, query={"limit": "1"}).body
        query = {"limit": "100", "nextToken": first["nextToken"]}
        rest = bank.admin(operation, path={"userId": "ada"}, query=query).body
        (name,) = set(first) - {"nextToken"}
        assert first[name] + rest[name] == body(bank, operation)[name]


def test_a_learner_reads_nobody_elses(bank: InvokedStage) -> None:
    played(bank)
    for operation in ROUTES:
        answers = [
            read(bank, operation, user_id, user="bob") for user_id in ("ada", "nobody", "a b", "")
        ]
        for reply in answers:
            assert_problem(reply, 404, "NOT_FOUND")
            assert reply.cost == (0, 0.0, 0.0)
            assert {**reply.body, "requestId": ""} == {**answers[0].body, "requestId": ""}


# Queries


def test_a_token_is_bound_to_list_category_and_user(bank: InvokedStage) -> None:
    played(bank)
    tokens = {each: body(bank, each, limit="1")["nextToken"] for each in LISTS}
    wrong = [
        ("listQuestionProgress", {"nextToken": tokens["listWrongAnswers"]}, "ada"),
        ("listWrongAnswers", {"nextToken": tokens["listQuestionProgress"]}, "ada"),
        (
            "listQuestionProgress",
            {"nextToken": tokens["listQuestionProgress"], "category": "geography"},
            "ada",
        ),
        ("listQuestionProgress", {"nextToken": tokens["listQuestionProgress"]}, "bob"),
        ("listWrongAnswers", {"nextToken": tokens["listWrongAnswers"]}, "bob"),
        ("listWrongAnswers", {"nextToken": "A" * 512}, "ada"),
        ("listQuestionProgress", {"nextToken": "A"}, "ada"),
    ]
    for operation, query, user in wrong:
        assert_problem(read(bank, operation, query=query, user=user), 422, "VALIDATION_ERROR")


def test_a_limit_is_a_whole_number_from_1_to_100(bank: InvokedStage) -> None:
    for operation in LISTS:
        for limit in ("0", "101", "-1", "ten", "1e1", ""):
            reply = read(bank, operation, query={"limit": limit})
            assert_problem(reply, 422, "VALIDATION_ERROR")
            assert [fault["field"] for fault in reply.body["errors"]] == ["limit"]
        for limit in ("1", "100"):
            assert read(bank, operation, query={"limit": limit}).status == 200


def test_all_faults_of_a_query_are_reported_together(bank: InvokedStage) -> None:
    query = {"limit": "0", "category": "Not One", "nextToken": "*"}
    reply = read(bank, "listQuestionProgress", query=query)
    assert_problem(reply, 422, "VALIDATION_ERROR")
    fields = sorted(fault["field"] for fault in reply.body["errors"])
    assert fields == ["category", "limit", "nextToken"]
