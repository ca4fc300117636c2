"""Imports: staged in parts, visible when published, resumable at any point."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from lambdas.questions.bank_writer import LEASE
from lambdas.questions.imports import LIFETIME, RENEWED_BELOW, TRANSACTIONS_A_CALL, UPDATED_TOGETHER
from lambdas.questions.staging import MAX_DRAFTS_TOGETHER
from tests.integration.stage import InvokedStage, Reply, draft, drafts


def open_import(stage: InvokedStage, *categories: str, key: str | None = None) -> str:
    headers = {"Idempotency-Key": key} if key else {}
    reply = stage.admin("openImport", {"categories": categories}, headers=headers)
    assert reply.status in (200, 201), reply.body
    return str(reply.body["importId"])


def send(stage: InvokedStage, import_id: str, part: int, questions: Sequence[object]) -> Reply:
    body = {"part": part, "questions": questions}
    return stage.admin("addImportPart", body, path={"importId": import_id})


def add(stage: InvokedStage, import_id: str, part: int, *questions: object) -> list[Any]:
    reply = send(stage, import_id, part, questions)
    assert reply.status == 200, reply.body
    return list(reply.body["results"])


def statuses(results: Sequence[Mapping[str, Any]]) -> list[str]:
    return [each["status"] for each in results]


def publish(stage: InvokedStage, import_id: str) -> Any:
    """Publish an import to its end; return its last state."""
    while True:
        reply = stage.admin("publishImport", path={"importId": import_id})
        assert reply.status == 202, reply.body
        if reply.body["status"] != "PUBLISHING":
            return reply.body


def state(stage: InvokedStage, import_id: str) -> Any:
    reply = stage.admin("getImport", path={"importId": import_id})
    assert reply.status == 200
    return reply.body


def texts(stage: InvokedStage, category: str) -> list[str]:
    found, query = [], {"category": category, "limit": "100"}
    while True:
        body = stage.admin("listQuestions", query=query).body
        found += [each["text"] for each in body["questions"]]
        if "nextToken" not in body:
            return found
        query["nextToken"] = body["nextToken"]


def counts(stage: InvokedStage) -> dict[str, int]:
    body = stage.call("listCategories").body
    return {each["category"]: each["questionCount"] for each in body["categories"]}


def assert_problem(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.body["code"]) == (status, code), reply.body


def test_new_questions_become_visible_together_when_published(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2))
    import_id = open_import(stage, "geography", "history")
    assert statuses(add(stage, import_id, 1, *drafts("geography", 90))) == [
        *["UNCHANGED"] * 2,
        *["CREATED"] * 88,
    ]
    results = add(
        stage, import_id, 2, *(draft("geography", n) for n in range(90, 130)), *drafts("history", 3)
    )
    assert statuses(results) == ["CREATED"] * 43
    assert results[0]["questionId"] == "geography:000090"
    assert counts(stage) == {"geography": 2}
    assert stage.admin("getBankQuestion", path={"questionId": "geography:000002"}).status == 404
    assert stage.call("startSession", {"sources": [{"category": "history"}]}).status == 422

    published = publish(stage, import_id)
    assert published == {
        "importId": import_id,
        "status": "PUBLISHED",
        "categories": ["geography", "history"],
        "parts": 2,
        "updatesLeft": 0,
        "createdAt": published["createdAt"],
        "expiresAt": published["expiresAt"],
    }
    assert counts(stage) == {"geography": 130, "history": 3}
    assert texts(stage, "geography") == [f"geography {n}?" for n in range(130)]
    # The leases have ended, and what was published is found again.
    assert statuses(stage.save(*drafts("history", 4))) == ["UNCHANGED"] * 3 + ["CREATED"]


def test_all_categories_of_an_import_are_published_in_one_transaction(stage: InvokedStage) -> None:
    import_id = open_import(stage, "a", "b", "c")
    add(stage, import_id, 1, draft("a", 0), draft("b", 0), draft("c", 0))
    seen: list[dict[str, int]] = []

    def look(_: AWSPreparedRequest) -> None:
        seen.append(counts(stage))

    with stage.fault("TransactWriteItems", look):
        publish(stage, import_id)
    assert all(each in ({}, {"a": 1, "b": 1, "c": 1}) for each in seen)


def test_updates_are_published_after_the_new_questions(stage: InvokedStage) -> None:
    stage.save(draft("geography", 0, externalId="x"), *(draft("geography", n) for n in (1, 2)))
    stage.retire("geography:000002")
    import_id = open_import(stage, "geography")
    results = add(
        stage,
        import_id,
        1,
        draft("geography", 50, externalId="x"),
        draft("geography", 1, difficulty=4),
        draft("geography", 2),
        draft("geography", 3),
        draft("geography", 1, difficulty=4),
        {**draft("geography", 1), "answers": []},
        draft("history", 1),
    )
    assert statuses(results) == [
        *["UPDATED"] * 3,
        "CREATED",
        "UNCHANGED",
        "REJECTED",
        "REJECTED",
    ]
    assert results[6]["errors"][0]["field"] == "category"
    assert state(stage, import_id)["updatesLeft"] == 3
    assert texts(stage, "geography") == ["geography 0?", "geography 1?", "geography 2?"]
    publish(stage, import_id)
    assert texts(stage, "geography")[0] == "geography 50?"
    assert counts(stage) == {"geography": 4}
    found = stage.admin("getBankQuestion", path={"questionId": "geography:000000"}).body
    assert (found["version"], found["externalId"]) == (2, "x")


@pytest.mark.slow
def test_publishing_many_updates_takes_several_calls(stage: InvokedStage) -> None:
    number = UPDATED_TOGETHER * TRANSACTIONS_A_CALL + 130
    stage.save(*drafts("geography", number))
    import_id = open_import(stage, "geography")
    changed = [draft("geography", n, difficulty=3) for n in range(number)]
    for part, at in enumerate(range(0, number, 100), start=1):
        assert set(statuses(add(stage, import_id, part, *changed[at : at + 100]))) == {"UPDATED"}
    reply = stage.admin("publishImport", path={"importId": import_id})
    assert (reply.status, reply.body["status"]) == (202, "PUBLISHING")
    left = reply.body["updatesLeft"]
    assert 0 < left < number
    assert state(stage, import_id)["updatesLeft"] == left
    assert publish(stage, import_id)["updatesLeft"] == 0
    rows = [row for row in stage.rows("questions") if "difficulty" in row]
    assert len(rows) == number
    assert not [row for row in stage.rows("questions") if "#updates#" in row["questionId"]["S"]]


def test_no_transaction_of_a_part_holds_more_than_33_drafts(stage: InvokedStage) -> None:
    import_id = open_import(stage, "geography")
    held: list[int] = []

    def count_questions(request: AWSPreparedRequest) -> None:
        assert isinstance(request.body, bytes)
        held.append(request.body.count(b'"choices"'))

    with stage.fault("TransactWriteItems", count_questions):
        add(stage, import_id, 1, *drafts("geography", 100))
    assert sum(held) == 100
    assert max(held) == MAX_DRAFTS_TOGETHER == 33


def test_a_repeated_part_returns_the_same_results(stage: InvokedStage) -> None:
    stage.save(draft("geography", 0))
    import_id = open_import(stage, "geography")
    questions = [draft("geography", 0, difficulty=2), draft("geography", 1), {}]
    first = add(stage, import_id, 1, *questions)
    second = add(stage, import_id, 2, draft("geography", 2))
    before = stage.rows("questions")
    assert add(stage, import_id, 1, *questions) == first
    assert add(stage, import_id, 2, draft("geography", 2)) == second
    assert _without_turn(stage.rows("questions")) == _without_turn(before)
    publish(stage, import_id)
    assert add(stage, import_id, 1, *questions) == first
    assert counts(stage) == {"geography": 3}


def _without_turn(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "turn"} for row in rows]


def test_parts_come_in_order_and_unchanged(stage: InvokedStage) -> None:
    import_id = open_import(stage, "geography")
    for part in (2, 7):
        reply = send(stage, import_id, part, [draft("geography", 1)])
        assert_problem(reply, 422, "VALIDATION_ERROR")
        assert reply.body["errors"][0]["field"] == "part"
    add(stage, import_id, 1, draft("geography", 1))
    reply = send(stage, import_id, 1, [draft("geography", 2)])
    assert_problem(reply, 422, "VALIDATION_ERROR")
    assert reply.body["errors"][0]["field"] == "part"


def test_a_question_sent_again_in_a_later_part_is_recognized(stage: InvokedStage) -> None:
    stage.save(draft("geography", 0, externalId="x"), draft("geography", 1))
    import_id = open_import(stage, "geography")
    add(
        stage,
        import_id,
        1,
        draft("geography", 5, externalId="x"),
        draft("geography", 1),
        draft("geography", 2, externalId="y"),
    )
    results = add(
        stage,
        import_id,
        2,
        draft("geography", 5, externalId="x"),  # the update again
        draft("geography", 5),  # its content without the id
        draft("geography", 1, difficulty=2),  # unchanged before, changed now
        draft("geography", 2, externalId="y"),  # the new one again
        draft("geography", 7, externalId="y"),  # its id with other content
        draft("geography", 3),
    )
    assert statuses(results) == [
        "UNCHANGED",
        "UNCHANGED",
        "REJECTED",
        "UNCHANGED",
        "REJECTED",
        "CREATED",
    ]
    publish(stage, import_id)
    assert texts(stage, "geography") == [f"geography {n}?" for n in (5, 1, 2, 3)]


def test_an_import_of_the_same_questions_changes_nothing(stage: InvokedStage) -> None:
    questions = [draft("geography", n, externalId=f"q{n}") for n in range(150)]
    for expected in ("CREATED", "UNCHANGED"):
        import_id = open_import(stage, "geography")
        for part, at in enumerate((0, 100), start=1):
            results = add(stage, import_id, part, *questions[at : at + 100])
            assert set(statuses(results)) == {expected}
        publish(stage, import_id)
        assert counts(stage) == {"geography": 150}


# Locks


def test_other_categories_stay_writable_during_an_import(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2), *drafts("history", 2))
    import_id = open_import(stage, "geography")
    pauses = stage.pauses()
    assert statuses(stage.save(draft("history", 5))) == ["CREATED"]
    assert open_import(stage, "law")
    retired = {"questionId": "geography:000000"}
    for reply in (
        stage.admin("saveQuestions", {"questions": [draft("geography", 5)]}),
        stage.admin("openImport", {"categories": ["zoology", "geography"]}),
        stage.admin("retireQuestion", path=retired),
    ):
        assert_problem(reply, 503, "UNAVAILABLE")
        assert import_id in reply.body["detail"]
        assert int(reply.headers["Retry-After"]) == LIFETIME // 1000
    # A lease of minutes is not waited for.
    assert pauses == []
    assert statuses(stage.save(draft("zoology", 0))) == ["CREATED"]


def test_an_import_left_alone_expires_and_its_place_is_reused(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2))
    import_id = open_import(stage, "geography")
    add(stage, import_id, 1, draft("geography", 2), draft("geography", 3))
    stage.clock.advance(LIFETIME)
    assert state(stage, import_id)["status"] == "EXPIRED"
    assert_problem(send(stage, import_id, 2, [draft("geography", 4)]), 410, "IMPORT_EXPIRED")
    publishing = stage.admin("publishImport", path={"importId": import_id})
    assert_problem(publishing, 410, "IMPORT_EXPIRED")

    (result,) = stage.save(draft("geography", 9))
    assert result["questionId"] == "geography:000002"
    assert texts(stage, "geography") == ["geography 0?", "geography 1?", "geography 9?"]
    again = open_import(stage, "geography")
    assert statuses(add(stage, again, 1, *drafts("geography", 4))) == [
        *["UNCHANGED"] * 2,
        *["CREATED"] * 2,
    ]
    publish(stage, again)
    assert counts(stage) == {"geography": 5}


def test_an_import_in_use_keeps_all_its_categories(stage: InvokedStage) -> None:
    import_id = open_import(stage, "geography", "history")
    stage.pauses()
    for part in range(1, 8):
        stage.clock.advance(RENEWED_BELOW // 2 + 1_000)
        add(stage, import_id, part, draft("geography", part))
        refused = stage.admin("saveQuestions", {"questions": [draft("history", 0)]})
        assert refused.status == 503
    publish(stage, import_id)
    assert counts(stage) == {"geography": 7}


def test_an_import_whose_category_was_taken_publishes_nothing(stage: InvokedStage) -> None:
    """Its clock lags, so it does not know that its lease has ended."""
    import_id = open_import(stage, "geography", "history")
    add(stage, import_id, 1, draft("geography", 0), draft("history", 0))
    began = stage.clock.now
    stage.clock.advance(LIFETIME)
    stage.save(draft("geography", 7))
    stage.clock.now = began
    assert_problem(send(stage, import_id, 2, [draft("geography", 1)]), 410, "IMPORT_EXPIRED")
    stage.admin("publishImport", path={"importId": import_id})
    assert texts(stage, "geography") == ["geography 7?"]


def test_a_request_that_was_given_up_cannot_interfere(stage: InvokedStage) -> None:
    """The client repeats a part while the first request still runs."""
    import_id = open_import(stage, "geography")
    questions = drafts("geography", 80)
    repeated: list[Any] = []

    def repeat(_: AWSPreparedRequest) -> None:
        if not repeated:
            repeated.append(None)
            repeated[0] = stage.handle("questions", _event(stage, import_id, questions))

    with stage.fault("TransactWriteItems", repeat, within="geography 40?"):
        late = send(stage, import_id, 1, questions)
    assert_problem(late, 503, "UNAVAILABLE")
    assert statuses(repeated[0].body["results"]) == ["CREATED"] * 80
    assert add(stage, import_id, 1, *questions) == repeated[0].body["results"]
    publish(stage, import_id)
    assert texts(stage, "geography") == [f"geography {n}?" for n in range(80)]


def _event(stage: InvokedStage, import_id: str, questions: Sequence[object]) -> dict[str, Any]:
    body = {"part": 1, "questions": questions}
    path = {"importId": import_id}
    return stage.event("addImportPart", body, user="root", groups=["admin"], path=path)


def test_a_deleted_import_releases_its_categories(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2))
    before = [row for row in stage.rows("questions") if "listed" in row]
    import_id = open_import(stage, "geography", "history")
    add(stage, import_id, 1, draft("geography", 2), draft("history", 0))
    for _ in range(2):
        assert stage.admin("deleteImport", path={"importId": import_id}).status == 204
    assert state(stage, import_id)["status"] == "DELETED"
    assert [row for row in stage.rows("questions") if "listed" in row] == before
    assert_problem(send(stage, import_id, 2, [draft("geography", 4)]), 409, "IMPORT_OVER")
    assert_problem(stage.admin("publishImport", path={"importId": import_id}), 409, "IMPORT_OVER")
    assert statuses(stage.save(draft("geography", 4), draft("history", 1))) == ["CREATED"] * 2
    assert counts(stage) == {"geography": 3, "history": 1}


def test_a_published_import_takes_nothing_more(stage: InvokedStage) -> None:
    import_id = open_import(stage, "geography")
    add(stage, import_id, 1, draft("geography", 0))
    published = publish(stage, import_id)
    assert publish(stage, import_id) == published
    assert_problem(send(stage, import_id, 2, [draft("geography", 1)]), 409, "IMPORT_OVER")
    deleting = stage.admin("deleteImport", path={"importId": import_id})
    assert_problem(deleting, 409, "IMPORT_OVER")
    assert counts(stage) == {"geography": 1}


def test_an_import_without_questions_leaves_nothing_behind(stage: InvokedStage) -> None:
    import_id = open_import(stage, "geography")
    assert publish(stage, import_id)["status"] == "PUBLISHED"
    assert not [row for row in stage.rows("questions") if "#category#" in row["questionId"]["S"]]


# Opening


def test_a_repeated_key_returns_the_same_import(stage: InvokedStage) -> None:
    body, headers = {"categories": ["geography"]}, {"Idempotency-Key": "once"}
    first = stage.admin("openImport", body, headers=headers)
    add(stage, first.body["importId"], 1, draft("geography", 0))
    again = stage.admin("openImport", body, headers=headers)
    assert (first.status, again.status) == (201, 200)
    assert again.body == {**first.body, "parts": 1}
    other = stage.admin("openImport", {"categories": ["history"]}, headers=headers)
    assert_problem(other, 422, "VALIDATION_ERROR")
    publish(stage, first.body["importId"])
    assert stage.admin("openImport", body, headers=headers).body["status"] == "PUBLISHED"
    assert counts(stage) == {"geography": 1}


def test_a_writer_that_is_soon_done_is_waited_for(stage: InvokedStage) -> None:
    stage.hold("geography", LEASE)
    pauses = stage.pauses()
    reply = stage.admin("openImport", {"categories": ["geography"]})
    assert_problem(reply, 503, "UNAVAILABLE")
    assert len(pauses) == 4
    assert "another writer" in reply.body["detail"]


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("getImport", None),
        ("addImportPart", {"part": 1, "questions": [draft("geography", 0)]}),
        ("publishImport", None),
        ("deleteImport", None),
    ],
)
def test_an_unknown_import_is_not_found(stage: InvokedStage, operation: str, body: object) -> None:
    for import_id in ("0" * 32, "nonsense", "0" * 31 + "G"):
        reply = stage.admin(operation, body, path={"importId": import_id})
        assert_problem(reply, 404, "NOT_FOUND")
    assert stage.rows("questions") == []


def test_an_import_names_1_to_90_categories(stage: InvokedStage) -> None:
    for categories in ([], ["a", "a"], ["Not One"], [f"c{n}" for n in range(91)]):
        reply = stage.admin("openImport", {"categories": categories})
        assert_problem(reply, 422, "VALIDATION_ERROR")
    many = [f"c{n:02d}" for n in range(90)]
    import_id = open_import(stage, *many)
    assert (
        statuses(add(stage, import_id, 1, *(draft(name, 0) for name in many))) == ["CREATED"] * 90
    )
    publish(stage, import_id)
    assert counts(stage) == dict.fromkeys(many, 1)
