"""Page tokens: bound to their query, and no way to anything else."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from re import fullmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.contract.errors import ValidationError
from lambdas.contract.formats import PAGE_TOKEN_PATTERN, QUESTION_ID_PATTERN
from lambdas.shared.http.pagination import page_position, page_token
from tests.unit.lambdas.builders import repeatable

OPERATION, USER = "listQuestionProgress", "ada"
QUERY = {"limit": 20, "category": "geography"}
POSITION = "geography:000019"


def read(
    token: str,
    *,
    operation: str = OPERATION,
    user: str = USER,
    pattern: str = QUESTION_ID_PATTERN,
    **query: object,
) -> str | None:
    return page_position(operation, user, {**QUERY, **query, "nextToken": token}, pattern)


def token_of(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw_of(token: str) -> bytes:
    return urlsafe_b64decode(token + "=" * (-len(token) % 4))


TOKEN = page_token(POSITION, OPERATION, USER, QUERY)
BINDING = raw_of(TOKEN)[: -len(POSITION)]


def test_a_query_without_a_token_begins_at_the_beginning() -> None:
    assert page_position(OPERATION, USER, QUERY, QUESTION_ID_PATTERN) is None


@pytest.mark.slow
@repeatable
@given(st.text(min_size=1), st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_a_position_comes_back_as_it_was(
    position: str, operation: str, user: str, query: dict[str, str]
) -> None:
    query.pop("nextToken", None)
    token = page_token(position, operation, user, query)
    asked = {**query, "nextToken": token}
    assert page_position(operation, user, asked, "(?s:.*)") == position


def test_the_longest_position_of_the_contract_fits_the_grammar_of_tokens() -> None:
    position = f"2026-11-22T09:30:00.123Z#{'c' * 48}:999999999"
    token = page_token(position, OPERATION, "a" * 128, {})
    assert fullmatch(PAGE_TOKEN_PATTERN, token)


def test_the_limit_may_change_from_page_to_page() -> None:
    assert read(TOKEN, limit=100) == POSITION


def test_the_order_of_the_query_does_not_matter() -> None:
    token = page_token(POSITION, OPERATION, USER, {"a": "1", "b": "2"})
    asked = {"b": "2", "a": "1", "nextToken": token}
    assert page_position(OPERATION, USER, asked, QUESTION_ID_PATTERN) == POSITION


def test_another_users_token_leads_nowhere() -> None:
    with pytest.raises(ValidationError):
        read(TOKEN, user="eve")


def test_another_operations_token_leads_nowhere() -> None:
    with pytest.raises(ValidationError):
        read(TOKEN, operation="listQuestions")


def test_another_querys_token_leads_nowhere() -> None:
    with pytest.raises(ValidationError):
        read(TOKEN, category="history")


def test_a_token_of_a_query_without_the_filter_leads_nowhere() -> None:
    with pytest.raises(ValidationError):
        read(page_token(POSITION, OPERATION, USER, {"limit": 20}))


def test_user_and_operation_cannot_be_shifted_into_one_another() -> None:
    token = page_token(POSITION, "list", "x', 'y", {})
    with pytest.raises(ValidationError):
        page_position("list', 'x", "y", {"nextToken": token}, QUESTION_ID_PATTERN)


@pytest.mark.parametrize("place", range(len(BINDING) * 8))
def test_a_bit_changed_in_the_binding_leads_nowhere(place: int) -> None:
    changed = bytearray(raw_of(TOKEN))
    changed[place // 8] ^= 1 << place % 8
    with pytest.raises(ValidationError):
        read(token_of(bytes(changed)))


@pytest.mark.parametrize("place", range(len(POSITION) * 8))
def test_a_bit_changed_in_the_position_leads_to_a_position_of_the_list_or_nowhere(
    place: int,
) -> None:
    changed = bytearray(raw_of(TOKEN))
    changed[len(BINDING) + place // 8] ^= 1 << place % 8
    try:
        position = read(token_of(bytes(changed)))
    except ValidationError:
        return
    assert position is not None
    assert fullmatch(QUESTION_ID_PATTERN, position)


@pytest.mark.parametrize("length", range(len(TOKEN)))
def test_a_truncated_token_leads_nowhere(length: int) -> None:
    with pytest.raises(ValidationError):
        read(TOKEN[:length])


@pytest.mark.parametrize(
    "position",
    [
        b"",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"geography:000019\n",
        b"\ngeography:000019",
        b"geography",
        b"geography:",
        b"geography:-00001",
        b"geography:1",
        b"Geography:000019",
        b"key#0123",
        b"#registry",
        b"zzz",
        "geography:\N{ARABIC-INDIC DIGIT ONE}00000".encode(),
        b"x" * 1_000_000,
    ],
)
def test_a_position_no_page_gave_leads_nowhere_though_its_binding_is_right(position: bytes) -> None:
    with pytest.raises(ValidationError):
        read(token_of(BINDING + position))


@pytest.mark.parametrize(
    "token",
    ["A", "AAAAA", "====", "!!!!", "\N{GREEK SMALL LETTER ALPHA}", "\ud800", "A" * 1_000_001, "\0"],
)
def test_what_is_no_token_leads_nowhere(token: str) -> None:
    with pytest.raises(ValidationError):
        read(token)


def test_a_token_tells_no_user_and_no_query_in_the_clear() -> None:
    raw = raw_of(page_token(POSITION, OPERATION, "somebody", {"category": "history"}))
    assert b"somebody" not in raw
    assert b"history" not in raw
