"""Categories: one item each, listed in pages, with a writer of their own."""

from typing import Any

import pytest

from lambdas.questions.bank_writer import LEASE
from lambdas.shared.store.categories import Category, Lease
from ops.cost.budgets import START_SESSION
from tests.integration.stage import InvokedStage, draft, drafts

MANY = 3_000
"""Categories at which the single item that once held all of them was full."""


def names(stage: InvokedStage, **query: str) -> list[list[str]]:
    """Return the names of all categories, page by page."""
    found = []
    while True:
        reply = stage.call("listCategories", query=query)
        assert reply.status == 200, reply.body
        found.append([each["category"] for each in reply.body["categories"]])
        if "nextToken" not in reply.body:
            return found
        query["nextToken"] = reply.body["nextToken"]


def save(stage: InvokedStage, *questions: Any) -> list[str]:
    reply = stage.admin("saveQuestions", {"questions": questions})
    assert reply.status == 200, reply.body
    return [each["status"] for each in reply.body["results"]]


def fill(stage: InvokedStage, number: int) -> list[str]:
    """Write that many categories of the longest names as items, a hundred in a transaction."""
    made = [f"c{each:04d}".ljust(48, "x") for each in range(number)]
    table, now = stage.services.categories, stage.clock.now
    for at in range(0, number, 25):
        some = made[at : at + 25]
        lease = Lease("seed", now + 1)
        for name in some:
            table.claim(name, lease, now=now)
        entries = [Category(name, title=name, size=1, active=1) for name in some]
        stage.services.transactions.write([table.publish(each, "seed") for each in entries])
    return made


@pytest.mark.slow
def test_a_bank_of_three_thousand_categories_takes_writes_and_starts_sessions(
    stage: InvokedStage,
) -> None:
    made = fill(stage, MANY)
    assert save(stage, draft("x" * 48, 1), draft(made[17], 2)) == ["CREATED", "CREATED"]
    stage.retire(f"{'x' * 48}:000000")
    stage.save(*drafts("geography", 3))
    reply = stage.call("startSession", {"sources": [{"category": "geography"}]})
    assert reply.status == 201
    # The one category, the profile and the question: nothing of the other three thousand.
    assert reply.cost == (3, 2.0, START_SESSION.write_units)
    assert names(stage) == [
        sorted([*made, "geography"])[at : at + 100] for at in range(0, MANY + 1, 100)
    ]


def test_a_request_may_name_a_hundred_categories(stage: InvokedStage) -> None:
    questions = [draft(f"c{number:02d}", 0) for number in range(100)]
    assert save(stage, *questions) == ["CREATED"] * 100
    assert save(stage, *questions) == ["UNCHANGED"] * 100
    changed = [{**each, "difficulty": 4} for each in questions]
    assert save(stage, *changed) == ["UPDATED"] * 100
    assert names(stage) == [[f"c{number:02d}" for number in range(100)]]
    # Every lease has ended.
    assert save(stage, *(draft(f"c{number:02d}", 1) for number in range(100))) == ["CREATED"] * 100


def test_categories_are_listed_by_name_in_pages(stage: InvokedStage) -> None:
    wanted = [f"c{number}" for number in range(7)]
    stage.save(*(draft(name, 0) for name in reversed(wanted)))
    assert names(stage, limit="3") == [wanted[:3], wanted[3:6], wanted[6:]]
    assert names(stage, limit="7") == [wanted]


def test_a_category_of_retired_questions_takes_no_place_in_a_page(stage: InvokedStage) -> None:
    stage.save(*(draft(f"c{number}", 0) for number in range(6)))
    for number in (0, 1, 3):
        stage.retire(f"c{number}:000000")
    assert names(stage, limit="2") == [["c2", "c4"], ["c5"]]
    bank = stage.admin("listQuestions", query={"limit": "100", "category": "c3"}).body
    assert [each["retired"] for each in bank["questions"]] == [True]
    assert save(stage, draft("c3", 0)) == ["UPDATED"]
    assert names(stage) == [["c2", "c3", "c4", "c5"]]


def test_a_category_page_is_bound_to_its_query_and_learner(stage: InvokedStage) -> None:
    stage.save(*(draft(f"c{number}", 0) for number in range(3)))
    token = stage.call("listCategories", query={"limit": "1"}).body["nextToken"]
    assert stage.call("listCategories", query={"nextToken": token}).status == 200
    for user, other in (("bob", token), ("ada", "AAAA")):
        reply = stage.call("listCategories", query={"nextToken": other}, user=user)
        assert reply.status in (404, 422)


def test_nothing_rejected_leaves_a_category_behind(stage: InvokedStage) -> None:
    stage.save(draft("geography", 0, externalId="x"))
    before = stage.everything()
    assert save(stage, {**draft("history", 0), "answers": []}) == ["REJECTED"]
    path = {"questionId": "history:000000"}
    assert stage.admin("replaceQuestion", draft("history", 0), path=path).status == 404
    assert stage.admin("retireQuestion", path=path).status == 404
    assert stage.everything() == before


# Writers


def test_writers_of_other_categories_do_not_wait(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2), *drafts("history", 2))
    stage.hold("geography", LEASE)
    pauses = stage.pauses()
    assert save(stage, draft("history", 2), draft("law", 0)) == ["CREATED", "CREATED"]
    stage.replace("history:000000", draft("history", 7))
    stage.retire("history:000001")
    assert pauses == []
    reply = stage.admin(
        "saveQuestions", {"questions": [draft("history", 3), draft("geography", 3)]}
    )
    assert reply.status == 503
    assert "geography" in reply.body["detail"]
    # The lease of the free category was given up again.
    assert save(stage, draft("history", 3)) == ["CREATED"]


@pytest.mark.parametrize("category", ["geography", "elsewhere"])
def test_a_request_that_has_to_wait_keeps_no_lease(stage: InvokedStage, category: str) -> None:
    stage.save(*drafts("geography", 2))
    before = stage.rows("questions")
    stage.hold("zoology", LEASE)
    stage.pauses()
    refused = {"questions": [draft(category, 9), draft("zoology", 9)]}
    assert stage.admin("saveQuestions", refused).status == 503
    left = [row for row in stage.rows("questions") if "zoology" not in row["questionId"]["S"]]
    assert left == before


def test_an_edit_raises_the_revision_of_its_own_category(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2), *drafts("history", 2))

    def revisions() -> dict[str, int]:
        return stage.services.questions.revisions(["geography", "history", "none"])

    assert revisions() == {"geography": 0, "history": 0, "none": 0}
    stage.replace("geography:000000", draft("geography", 7))
    assert revisions() == {"geography": 1, "history": 0, "none": 0}
    stage.retire("history:000001")
    assert revisions() == {"geography": 1, "history": 1, "none": 0}
    save(stage, draft("history", 0, difficulty=2), draft("geography", 1, difficulty=2))
    assert revisions() == {"geography": 2, "history": 2, "none": 0}
    save(stage, draft("history", 5))
    assert revisions() == {"geography": 2, "history": 2, "none": 0}


def change(stage: InvokedStage, body: Any, category: str = "geography") -> Any:
    reply = stage.admin("updateCategory", body, path={"category": category})
    assert reply.status == 200, reply.body
    return reply.body


def test_a_category_is_described_for_learners(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2))
    changed = change(stage, {"title": "Earth", "description": "Rivers\nand hills"})
    assert changed == {
        "category": "geography",
        "title": "Earth",
        "description": "Rivers\nand hills",
        "language": "en",
        "questionCount": 2,
        "settings": {},
    }
    change(stage, {"language": "de", "description": None})
    stage.save(*drafts("geography", 3))
    (listed,) = stage.call("listCategories").body["categories"]
    wanted = {**changed, "language": "de", "questionCount": 3}
    del wanted["settings"]
    assert listed == wanted


def test_a_category_without_questions_cannot_be_described(stage: InvokedStage) -> None:
    reply = stage.admin("updateCategory", {"title": "?"}, path={"category": "nowhere"})
    assert (reply.status, reply.body["code"]) == (404, "NOT_FOUND")
    assert stage.everything() == {name: [] for name in stage.everything()}


def test_a_change_of_a_category_without_a_field_is_refused(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 1))
    for body in ({}, {"title": None, "settings": None}):
        reply = stage.admin("updateCategory", body, path={"category": "geography"})
        assert reply.status == 422
        assert [each["code"] for each in reply.body["errors"]] == ["REQUIRED"]


def settings_of(stage: InvokedStage, *categories: str, **settings: Any) -> Any:
    sources = [{"category": each} for each in categories]
    reply = stage.call("startSession", {"sources": sources, "settings": settings})
    assert reply.status == 201, reply.body
    return reply.body["settings"]


def test_default_settings_of_a_category_come_after_the_request_and_before_preferences(
    stage: InvokedStage,
) -> None:
    stage.save(*drafts("geography", 3), *drafts("rivers", 3))
    preferences = {"wrongAnswerPercentage": 70, "spacing": {"firstLag": 5, "secondLag": 9}}
    stage.call("updateUser", preferences, path={"userId": "me"})
    defaults = {"policy": "SPACED", "spacing": {"firstLag": 7, "pendingLimit": 8}}
    assert change(stage, {"settings": defaults})["settings"] == defaults
    preset = {"firstLag": 7, "secondLag": 9, "share": 50, "pendingLimit": 8}
    assert settings_of(stage, "geography", "rivers") == {
        "policy": "SPACED",
        "wrongAnswerPercentage": 70,
        "spacing": preset,
    }
    chosen = settings_of(stage, "geography", spacing={"firstLag": 3, "pendingLimit": None})
    assert chosen["spacing"] == {**preset, "firstLag": 3, "pendingLimit": None}
    # The first source decides.
    ratio = {"policy": "RATIO", "wrongAnswerPercentage": 70}
    assert settings_of(stage, "rivers", "geography") == ratio
    # New default settings replace the earlier ones as a whole.
    replaced = change(stage, {"settings": {"wrongAnswerPercentage": 0}})["settings"]
    assert replaced == {"wrongAnswerPercentage": 0}
    assert settings_of(stage, "geography") == {"policy": "RATIO", "wrongAnswerPercentage": 0}
    unlimited = {"spacing": {"pendingLimit": None}}
    assert change(stage, {"settings": unlimited})["settings"] == unlimited
    assert change(stage, {"settings": {}})["settings"] == {}
    assert settings_of(stage, "geography") == ratio


def test_a_category_is_described_while_an_import_holds_it(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 1))
    stage.admin("openImport", {"categories": ["geography"]})
    assert change(stage, {"title": "Earth"})["title"] == "Earth"
