"""Reading the bank: categories, pages, page tokens, and who may read it."""

from typing import TYPE_CHECKING

from tests.integration.banking import assert_problem, bank, get, page, pages, save
from tests.integration.stage import (
    InvokedStage,
    draft,
    drafts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


# Read


def test_categories_have_the_body_of_the_contract(stage: InvokedStage) -> None:
    assert stage.call("listCategories").body == {"categories": []}
    save(
        stage,
        draft("geography", 0),
        draft("aws-cloud-practitioner", 0, language="de"),
        draft("geography", 1),
    )
    reply = stage.call("listCategories")
    assert reply.status == 200
    assert reply.body == {
        "categories": [
            {
                "category": "aws-cloud-practitioner",
                "title": "Aws Cloud Practitioner",
                "description": "",
                "language": "de",
                "questionCount": 1,
            },
            {
                "category": "geography",
                "title": "Geography",
                "description": "",
                "language": "en",
                "questionCount": 2,
            },
        ]
    }


def test_the_bank_is_listed_in_pages_across_categories(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 5), *drafts("history", 2), *drafts("law", 4))
    found = pages(stage, limit="2")
    assert all(0 < len(some) <= 2 for some in found)
    every = [question for some in found for question in some]
    expected = [
        f"{category}:{n:06d}"
        for category, size in (("geography", 5), ("history", 2), ("law", 4))
        for n in range(size)
    ]
    assert [question["questionId"] for question in every] == expected
    assert every[3] == get(stage, "geography:000003").body
    assert "nextToken" not in page(stage, category="history", limit="2")


def test_the_bank_is_listed_by_category(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 25), *drafts("history", 2))
    first = page(stage, category="geography")
    assert len(first["questions"]) == 20
    found = pages(stage, category="geography", limit="7")
    assert [len(some) for some in found] == [7, 7, 7, 4]
    assert page(stage, category="unheard-of") == {"questions": []}
    assert page(stage, category="history")["questions"] == bank(stage)[-2:]


def test_an_empty_bank_is_an_empty_list(stage: InvokedStage) -> None:
    assert page(stage) == {"questions": []}


def test_a_page_the_database_cuts_short_hides_no_question(stage: InvokedStage) -> None:
    """A query ends at a megabyte, however many items were asked for."""
    answers = [{"text": str(n) * 1000, "correct": n == 0} for n in range(10)]
    wide = {"explanation": "e" * 4000, "answers": answers}
    for at in range(0, 80, 16):
        save(stage, *(draft("geography", n, **wide) for n in range(at, at + 16)))
    found = pages(stage, limit="100")
    assert len(found) > 1
    texts = [question["text"] for some in found for question in some]
    assert texts == [f"geography {n}?" for n in range(80)]


def test_a_token_of_the_bank_is_bound_to_its_query(stage: InvokedStage) -> None:
    save(stage, *drafts("geography", 3), *drafts("history", 3))
    token = page(stage, limit="2")["nextToken"]
    for query in ({"category": "geography"}, {"category": "history"}):
        reply = stage.admin("listQuestions", query={"nextToken": token, **query})
        assert_problem(reply, 422, "VALIDATION_ERROR")
    other = {"nextToken": token}
    reply = stage.call("listQuestions", query=other, user="bob", groups=["admin"])
    assert_problem(reply, 422, "VALIDATION_ERROR")
    for bad in ("A", "A" * 512):
        reply = stage.admin("listQuestions", query={"nextToken": bad})
        assert_problem(reply, 422, "VALIDATION_ERROR")


def test_faults_of_the_banks_query_are_reported_together(stage: InvokedStage) -> None:
    query = {"limit": "101", "category": "Not One", "nextToken": "*"}
    reply = stage.admin("listQuestions", query=query)
    assert_problem(reply, 422, "VALIDATION_ERROR")
    fields = sorted(fault["field"] for fault in reply.body["errors"])
    assert fields == ["category", "limit", "nextToken"]


# Who


def test_learners_may_not_touch_the_bank(stage: InvokedStage) -> None:
    save(stage, draft("geography", 0))
    before = stage.everything()
    path = {"questionId": "geography:000000"}
    calls: Mapping[str, object] = {
        "saveQuestions": {"questions": [draft("geography", 1)]},
        "listQuestions": None,
        "getBankQuestion": None,
        "replaceQuestion": draft("geography", 1),
        "retireQuestion": None,
    }
    for operation, body in calls.items():
        for groups in ((), ("administrators",), ("learner", "Admin")):
            reply = stage.call(operation, body, groups=groups, path=path)
            assert_problem(reply, 403, "FORBIDDEN")
            assert reply.cost == (0, 0.0, 0.0)
    assert stage.everything() == before
