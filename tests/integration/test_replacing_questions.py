"""Replacing and retiring questions."""

from tests.integration.banking import (
    LATER,
    NOW,
    assert_problem,
    bank,
    categories,
    get,
    put,
    retire,
    save,
    statuses,
)
from tests.integration.stage import (
    InvokedStage,
    draft,
    drafts,
)

# Replace


def test_a_question_is_replaced_in_place(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 2), draft("geography", 2, externalId="x", difficulty=2))
    stage.clock.advance(10_000)
    reply = put(stage, "geography:000002", draft("geography", 9, tags=["t"]))
    assert reply.status == 200
    assert reply.body == get(stage, "geography:000002").body
    assert reply.body["version"] == 2
    assert (reply.body["text"], reply.body["tags"]) == ("geography 9?", ["t"])
    assert (reply.body["createdAt"], reply.body["updatedAt"]) == (NOW, LATER)
    # As a whole: what the body leaves out is gone.
    assert not {"externalId", "difficulty"} & set(reply.body)
    assert categories(stage) == {"geography": 3}


def test_replacing_a_question_by_itself_changes_nothing(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0))
    before = stage.everything()
    stage.clock.advance(10_000)
    reply = put(stage, "geography:000000", draft("geography", 0))
    assert (reply.status, reply.body["version"], reply.body["updatedAt"]) == (200, 1, NOW)
    assert stage.everything() == before


def test_a_replaced_question_is_found_by_its_new_content_and_not_by_its_old(
    stage: InvokedStage,
) -> None:
    save(stage, draft("geography", 0, externalId="x"))
    put(stage, "geography:000000", draft("geography", 9, externalId="y"))
    results = save(stage, draft("geography", 9), draft("geography", 0, externalId="x"))
    assert statuses(results) == ["UNCHANGED", "CREATED"]
    (result,) = save(stage, draft("geography", 10, externalId="y"))
    assert (result["status"], result["questionId"]) == ("UPDATED", "geography:000000")


def test_a_question_does_not_change_its_category(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0))
    reply = put(stage, "geography:000000", draft("history", 0))
    assert_problem(reply, 422, "VALIDATION_ERROR")
    assert [fault["field"] for fault in reply.body["errors"]] == ["category"]


def test_a_question_does_not_take_anothers_content_or_external_id(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0), draft("geography", 1, externalId="x"))
    before = bank(stage)
    reply = put(stage, "geography:000000", draft("geography", 1, externalId="x"))
    assert_problem(reply, 422, "VALIDATION_ERROR")
    assert [fault["field"] for fault in reply.body["errors"]] == ["text", "externalId"]
    assert bank(stage) == before
    # The lease was given up.
    assert put(stage, "geography:000000", draft("geography", 2)).status == 200


def test_all_faults_of_a_replacement_are_reported_together(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0))
    reply = put(stage, "geography:000000", {"category": "geography", "text": "", "answers": [1, 2]})
    assert_problem(reply, 422, "VALIDATION_ERROR")
    fields = [fault["field"] for fault in reply.body["errors"]]
    assert fields == ["text", "answers.0", "answers.1"]


def test_replacing_a_retired_question_puts_it_in_use_again(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 2))
    retire(stage, "geography:000000")
    for body in (draft("geography", 0), draft("geography", 9)):
        reply = put(stage, "geography:000000", body)
        assert (reply.status, reply.body["retired"]) == (200, False)
        assert categories(stage) == {"geography": 2}


def test_what_is_not_in_the_bank_is_404(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0))
    before = stage.everything()
    for missing in (
        "geography:000001",
        "history:000000",
        "geography:0",
        "#category#geography",
        "x",
    ):
        for reply in (
            get(stage, missing),
            put(stage, missing, draft(missing.partition(":")[0], 5)),
            retire(stage, missing),
        ):
            assert_problem(reply, 404, "NOT_FOUND")
    assert stage.everything() == before


# Retire


def test_a_retired_question_is_not_drawn_and_leaves_the_totals(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 3))
    stage.clock.advance(10_000)
    reply = retire(stage, "geography:000001")
    assert (reply.status, reply.text) == (204, "")
    assert categories(stage) == {"geography": 2}
    body = get(stage, "geography:000001").body
    assert (body["retired"], body["version"], body["updatedAt"]) == (True, 1, LATER)
    assert len(bank(stage)) == 3
    stage.forget_questions()
    for _ in range(8):
        session_id = stage.start({"category": "geography"}, percentage=0)
        asked, shown = [], stage.question(session_id)["question"]
        while shown:
            asked.append(shown["questionId"])
            shown = stage.answer(session_id, shown).body["question"]
        assert sorted(asked) == ["geography:000000", "geography:000002"]


def test_retiring_twice_changes_nothing_more(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 3))
    retire(stage, "geography:000001")
    before = stage.everything()
    stage.clock.advance(10_000)
    assert retire(stage, "geography:000001").status == 204
    assert stage.everything() == before


def test_a_category_whose_questions_are_all_retired_is_not_offered(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0), draft("history", 0))
    retire(stage, "history:000000")
    assert categories(stage) == {"geography": 1}
    assert len(bank(stage)) == 2


def test_a_question_is_replaced_by_what_was_read(stage: InvokedStage) -> None:
    stage.save(draft("geography", 0, externalId="a", difficulty=2, tags=["rivers"]))
    path = {"questionId": "geography:000000"}
    read = stage.admin("getBankQuestion", path=path).body
    assert stage.admin("replaceQuestion", read, path=path).body == read
    changed = stage.admin("replaceQuestion", {**read, "text": "Changed?"}, path=path).body
    assert (changed["text"], changed["version"]) == ("Changed?", 2)
    assert {**changed, "text": read["text"], "version": 1, "updatedAt": read["updatedAt"]} == read


def test_a_replacement_of_an_outdated_version_is_a_conflict(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 1))
    path = {"questionId": "geography:000000"}
    read = stage.admin("getBankQuestion", path=path).body
    stage.admin("replaceQuestion", {**read, "text": "Changed?"}, path=path)
    before = stage.everything()
    reply = stage.admin("replaceQuestion", {**read, "text": "Too late?"}, path=path)
    assert (reply.status, reply.body["code"]) == (409, "VERSION_CONFLICT")
    assert reply.body["currentVersion"] == 2
    # The lease has ended, and nothing else has changed.
    assert stage.everything() == before
    unchecked = {**read, "text": "Whatever?", "version": None, "questionId": "other:000001"}
    replaced = stage.admin("replaceQuestion", unchecked, path=path).body
    assert (replaced["questionId"], replaced["version"]) == ("geography:000000", 3)
