"""Idempotency keys: a repeated start returns the session of the first one."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.session_calls import (
    GEOGRAPHY,
    HISTORY,
    assert_problem,
    faulty_fields,
    keyed,
    listed,
    listed_ids,
)
from tests.integration.stage import InvokedStage


def test_a_repeated_key_returns_the_same_session_with_200(bank: InvokedStage) -> None:
    first, again = keyed(bank, "k" * 64), keyed(bank, "k" * 64)
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert again.headers["Location"] == first.headers["Location"]
    assert listed_ids(bank) == [first.body["sessionId"]]


def test_a_header_is_found_however_its_name_is_written(bank: InvokedStage) -> None:
    first = keyed(bank, "k")
    body = {"sources": [GEOGRAPHY]}
    again = bank.call("startSession", body, headers={"idempotency-key": "k"})
    assert (again.status, again.body) == (200, first.body)


def test_a_repeated_key_shows_the_session_as_it_is_after_it_was_played_on(
    bank: InvokedStage,
) -> None:
    session_id = keyed(bank, "k").body["sessionId"]
    bank.answer(session_id, bank.question(session_id)["question"])
    before = bank.everything()

    again = keyed(bank, "k")

    assert (again.status, again.body["sessionId"]) == (200, session_id)
    assert again.body["progress"]["correctAnswers"] == 1
    assert bank.everything() == before


@pytest.mark.parametrize(
    "other",
    [
        {"sources": [HISTORY]},
        {"sources": [GEOGRAPHY], "name": "other"},
        {"sources": [{**GEOGRAPHY, "questionCount": 1}]},
        {"sources": [{"category": "unheard-of"}]},
        {"review": {}},
    ],
)
def test_a_key_with_another_body_is_refused(bank: InvokedStage, other: Mapping[str, Any]) -> None:
    first = keyed(bank, "k")
    before = bank.everything()

    reused = keyed(bank, "k", other)

    assert_problem(reused, 422, "IDEMPOTENCY_KEY_REUSED")
    assert bank.everything() == before
    again = keyed(bank, "k")
    assert (again.status, again.body) == (200, first.body)


def test_the_same_body_written_differently_is_a_repeat(bank: InvokedStage) -> None:
    headers = {"Idempotency-Key": "k"}
    first = bank.call(
        "startSession", '{"name":"n","sources":[{"category":"geography"}]}', headers=headers
    )
    again = bank.call(
        "startSession",
        r'{ "sources": [{"questionCount": null, "category": "geography"}], "name": "\u006e" }',
        headers=headers,
    )
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body


def test_a_repeated_key_returns_its_session_though_its_category_is_gone(bank: InvokedStage) -> None:
    first = keyed(bank, "k", {"sources": [HISTORY]})
    for number in range(3):
        bank.retire(f"history:{number:06d}")
    again = keyed(bank, "k", {"sources": [HISTORY]})
    assert (again.status, again.body) == (200, first.body)
    assert keyed(bank, "other", {"sources": [HISTORY]}).status == 422


def test_another_key_starts_another_session(bank: InvokedStage) -> None:
    assert keyed(bank, "k1").status == keyed(bank, "k2").status == 201
    assert len(listed_ids(bank)) == 2


def test_the_same_key_of_two_users_starts_two_sessions(bank: InvokedStage) -> None:
    ada, bob = keyed(bank, "k"), keyed(bank, "k", user="bob")
    assert (ada.status, bob.status) == (201, 201)
    assert ada.body["sessionId"] != bob.body["sessionId"]
    assert listed_ids(bank) == [ada.body["sessionId"]]
    assert len(listed(bank, user="bob")["sessions"]) == 1


def test_a_key_is_up_to_64_visible_characters(bank: InvokedStage) -> None:
    for key in ("", "k" * 65, "a b", "\N{BRAIN}"):
        assert faulty_fields(keyed(bank, key)) == ["Idempotency-Key"]


def test_a_refused_start_does_not_use_its_key_up(bank: InvokedStage) -> None:
    assert keyed(bank, "k", {"sources": [{"category": "unheard-of"}]}).status == 422
    assert keyed(bank, "k").status == 201
