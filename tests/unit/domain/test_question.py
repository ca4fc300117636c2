"""Questions and their ids."""

import pytest

from domain.errors import InvalidValueError
from domain.question import category_and_ordinal, question_id
from tests.unit.domain.builders import question


@pytest.mark.parametrize(
    ("category", "ordinal", "identifier"),
    [
        ("geography", 0, "geography:000000"),
        ("geography", 123, "geography:000123"),
        ("aws-cloud-practitioner", 999_999, "aws-cloud-practitioner:999999"),
        ("a", 1_000_000, "a:1000000"),
    ],
)
def test_a_question_id_is_its_category_and_ordinal(
    category: str, ordinal: int, identifier: str
) -> None:
    assert question_id(category, ordinal) == identifier
    assert category_and_ordinal(identifier) == (category, ordinal)


def test_ids_of_a_category_sort_as_their_ordinals() -> None:
    ordinals = [0, 9, 10, 99, 100, 12_345, 999_999]
    assert sorted(question_id("geo", each) for each in ordinals) == [
        question_id("geo", each) for each in ordinals
    ]


@pytest.mark.parametrize(
    "identifier",
    ["", "geography", "geography:", ":000123", "geography:12a", "geography:-1", "geography:+1",
     "geography:1.5", "geography: 12", "geography:٣", "geography:²", "000123:"],
)  # fmt: skip
def test_what_is_no_category_and_ordinal_is_no_question_id(identifier: str) -> None:
    with pytest.raises(InvalidValueError, match="is not a question id"):
        category_and_ordinal(identifier)


@pytest.mark.parametrize("right", [{0}, {1, 3}, {0, 1, 2}])
def test_a_question_knows_all_its_right_choices(right: set[int]) -> None:
    assert question(right=right).correct_choices == right
