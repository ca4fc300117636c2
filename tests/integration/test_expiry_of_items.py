"""Items that only collect carry a time to live, and records do not grow with the answers."""

from domain.session.state import LIFETIME
from lambdas.shared.store.imports import KEPT_AFTER_EXPIRY as IMPORT_SECONDS
from lambdas.shared.store.sessions import KEPT_AFTER_EXPIRY as SESSION_SECONDS
from tests.integration.counting import play
from tests.integration.stage import InvokedStage, draft, drafts


def test_the_marker_of_an_idempotency_key_expires_with_its_session(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2))
    body = {"sources": [{"category": "geography"}]}
    assert stage.call("startSession", body, headers={"Idempotency-Key": "k"}).status == 201
    expected = (stage.clock.now + LIFETIME) // 1000 + SESSION_SECONDS
    rows = stage.rows("sessions")
    assert len(rows) == 2
    assert [int(row["ttl"]["N"]) for row in rows] == [expected, expected]


def test_every_item_of_an_import_expires_a_day_after_it(stage: InvokedStage) -> None:
    stage.save(draft("rivers", 0))
    opened = stage.admin("openImport", {"categories": ["rivers"]}).body
    changed = [draft("rivers", 0, explanation="new"), draft("rivers", 1)]
    path = {"importId": opened["importId"]}
    sent = stage.admin("addImportPart", {"part": 1, "questions": changed}, path=path)
    assert [each["status"] for each in sent.body["results"]] == ["UPDATED", "CREATED"]
    rows = [r for r in stage.rows("questions") if r["questionId"]["S"].startswith("#import#")]
    assert len(rows) == 3  # the import, the part, the updates
    expiry = stage.services.imports.get(opened["importId"])
    assert expiry
    expected = expiry.expires_at // 1000 + IMPORT_SECONDS
    assert [int(row["ttl"]["N"]) for row in rows] == [expected] * 3


def test_a_learner_has_one_record_for_each_question_however_often_it_is_answered(
    stage: InvokedStage,
) -> None:
    stage.save(*drafts("geography", 3))
    for _ in range(3):
        play(stage, "ada", "wrwrwrrr")
    assert len(stage.rows("progress")) == 3
