"""Crash cases of the bank's routes; with them `CASES` is complete."""

from collections.abc import Mapping
from typing import Any

from tests.integration.stage import InvokedStage, draft, drafts
from tests.reliability.crash_cases import CASES, KEY, admin, case
from tests.reliability.crashes import Asked, send

__all__ = ["CASES"]


@case
def listing_the_bank(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("listQuestions")


@case
def reading_the_bank(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("getBankQuestion", questionId="rivers:000001")


@case
def asking_how_a_question_behaves(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("getQuestionStatistics", questionId="rivers:000001")


@case
def asking_how_a_category_behaves(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("getCategoryStatistics", category="rivers")


@case
def changing_a_category(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    changes = {"title": "Rivers", "settings": {"policy": "SPACED", "spacing": {"firstLag": 8}}}
    return admin("updateCategory", changes, category="rivers")


def saving(*questions: Mapping[str, Any]) -> Asked:
    return admin("saveQuestions", {"questions": questions})


@case
def saving_the_first_questions(_: InvokedStage) -> Asked:
    return saving(*drafts("rivers", 2), *drafts("stars", 1))


@case
def saving_more_than_a_transaction_holds(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 1))
    return saving(*drafts("rivers", 35))


@case
def saving_what_is_new_and_what_is_changed(stage: InvokedStage) -> Asked:
    stage.save(draft("rivers", 0, externalId="a"), draft("rivers", 1))
    return saving(
        draft("rivers", 7, externalId="a"),
        draft("rivers", 1, difficulty=3),
        draft("rivers", 2),
        {"category": "rivers"},
    )


@case
def saving_what_is_there_already(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return saving(*drafts("rivers", 2))


@case
def updating_as_many_as_a_request_holds(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 100))
    return saving(*(draft("rivers", number, difficulty=2) for number in range(100)))


@case
def replacing(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("replaceQuestion", draft("rivers", 8), questionId="rivers:000001")


@case
def replacing_with_the_same(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("replaceQuestion", draft("rivers", 1), questionId="rivers:000001")


@case
def replacing_what_was_retired(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    stage.retire("rivers:000001")
    return admin("replaceQuestion", draft("rivers", 8), questionId="rivers:000001")


@case
def retiring(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return admin("retireQuestion", questionId="rivers:000001")


@case
def retiring_again(stage: InvokedStage) -> Asked:
    asked = retiring(stage)
    assert send(stage, asked).status == 204
    return asked


def importing(stage: InvokedStage, *parts: list[dict[str, Any]]) -> Asked:
    """Open an import with parts; return the request that would send the next one."""
    stage.save(draft("rivers", 0, externalId="a"), draft("rivers", 1), draft("rivers", 2))
    stage.retire("rivers:000002")
    opened = stage.admin(
        "openImport", {"categories": ["rivers", "stars"]}, headers={"Idempotency-Key": "once"}
    )
    import_id = opened.body["importId"]
    for number, part in enumerate(parts, start=1):
        asked = admin("addImportPart", {"part": number, "questions": part}, importId=import_id)
        assert send(stage, asked).status == 200
    following = {"part": len(parts) + 1, "questions": []}
    return admin("addImportPart", following, importId=import_id)


def mixed(first: int, number: int) -> list[dict[str, Any]]:
    """Return new questions of two categories, with an update of each kind before them."""
    return [
        draft("rivers", 900 + first, externalId="a"),
        draft("rivers", 1, difficulty=3),
        draft("rivers", 2),
        *(draft("rivers", first + each) for each in range(number)),
        *(draft("stars", first + each, externalId=f"s{each}") for each in range(number)),
        {"category": "rivers"},
    ]


@case
def opening_an_import(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 2))
    return Asked("openImport", {"categories": ["rivers", "stars"]}, "root", ("admin",), headers=KEY)


@case
def adding_a_part_to_an_import(stage: InvokedStage) -> Asked:
    asked = importing(stage)
    asked.body["questions"] = mixed(10, 30)
    return asked


@case
def adding_another_part_to_an_import(stage: InvokedStage) -> Asked:
    asked = importing(stage, mixed(10, 3))
    asked.body["questions"] = [*mixed(10, 4), draft("rivers", 50)]
    return asked


@case
def adding_a_part_again(stage: InvokedStage) -> Asked:
    asked = importing(stage, mixed(10, 3))
    return admin("addImportPart", {"part": 1, "questions": mixed(10, 3)}, **asked.path)


@case
def publishing_an_import(stage: InvokedStage) -> Asked:
    asked = importing(stage, mixed(10, 3), [draft("stars", 70), draft("rivers", 70)])
    return admin("publishImport", **asked.path)


@case
def publishing_an_import_of_new_questions(stage: InvokedStage) -> Asked:
    asked = importing(stage, [draft("rivers", 70)])
    return admin("publishImport", **asked.path)


@case
def deleting_an_import(stage: InvokedStage) -> Asked:
    return admin("deleteImport", **importing(stage, mixed(10, 3)).path)


@case
def reading_an_import(stage: InvokedStage) -> Asked:
    return admin("getImport", **importing(stage, mixed(10, 3)).path)
