"""How choices are shown: their order, their pins, their ids."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UnknownChoiceError
from domain.question import MAX_CHOICES
from domain.session.presentation import ALPHABET, choice_ids, choice_order, choices_move, turn_of
from tests.unit.domain.builders import SEED, question, seeded

ALL_PINNED = (0, 1, 2, 3)


def orders(count: int, pinned: Sequence[int], turns: int = 400) -> set[tuple[int, ...]]:
    choices = question(count=count, pinned=pinned).choices
    return {choice_order(choices, SEED, turn) for turn in range(1, turns)}


@pytest.mark.parametrize(
    ("count", "pinned", "expected"),
    [
        (2, (), {(0, 1), (1, 0)}),
        (3, (2,), {(0, 1, 2), (1, 0, 2)}),
        (3, (0,), {(0, 1, 2), (0, 2, 1)}),
        (3, (1,), {(0, 1, 2), (2, 1, 0)}),
        (4, (), set(permutations(range(4)))),
        (4, (0, 3), {(0, 1, 2, 3), (0, 2, 1, 3)}),
        (4, ALL_PINNED, {(0, 1, 2, 3)}),
        (2, (1,), {(0, 1)}),
    ],
)
def test_every_order_that_keeps_pinned_choices_in_place_is_shown_and_no_other(
    count: int, pinned: tuple[int, ...], expected: set[tuple[int, ...]]
) -> None:
    assert orders(count, pinned) == expected


def test_a_retry_of_two_choices_flips_them_every_time() -> None:
    choices = question(count=2).choices
    for turn in range(1, 50):
        assert choice_order(choices, SEED, turn, previous=(0, 1)) == (1, 0)
        assert choice_order(choices, SEED, turn, previous=(1, 0)) == (0, 1)


@pytest.mark.parametrize("pinned", [ALL_PINNED, (0, 1, 3)])
def test_a_retry_that_can_move_at_most_one_choice_shows_the_same_order(
    pinned: tuple[int, ...],
) -> None:
    choices = question(pinned=pinned).choices
    assert choice_order(choices, SEED, 2, previous=(0, 1, 2, 3)) == (0, 1, 2, 3)


def test_a_retry_shows_every_order_but_the_one_before() -> None:
    choices = question().choices
    before = (2, 0, 3, 1)
    shown = {choice_order(choices, SEED, turn, previous=before) for turn in range(1, 600)}
    assert shown == set(permutations(range(4))) - {before}


@pytest.mark.parametrize(
    ("pinned", "moves"), [((), True), ((3,), True), ((0, 3), True), ((0, 1, 3), False)]
)
def test_choices_move_when_more_than_one_is_not_pinned(
    pinned: tuple[int, ...], *, moves: bool
) -> None:
    assert choices_move(question(pinned=pinned).choices) is moves


def test_all_pinned_choices_do_not_move() -> None:
    assert not choices_move(question(pinned=ALL_PINNED).choices)


@given(
    seed=st.binary(min_size=16, max_size=16),
    turn=st.integers(1, 10**9),
    version=st.integers(1, 10**6),
)
def test_the_ids_of_a_turn_are_distinct_opaque_and_tell_their_turn(
    seed: bytes, turn: int, version: int
) -> None:
    ids = choice_ids(seed, turn, version, MAX_CHOICES)

    assert len(set(ids)) == MAX_CHOICES
    assert all(turn_of(identifier) == turn for identifier in ids)
    assert len({len(identifier) for identifier in ids}) == 1, "no length tells a choice"
    assert set("".join(ids)) <= set(ALPHABET)


def test_an_id_holds_for_one_seed_one_turn_and_one_version() -> None:
    ids = [
        choice_ids(SEED, 1, 1, 4),
        choice_ids(SEED, 2, 1, 4),
        choice_ids(SEED, 1, 2, 4),
        choice_ids(seeded(9), 1, 1, 4),
    ]
    keys = [identifier[:7] for each in ids for identifier in each]
    assert len(set(keys)) == 16


def test_a_choice_keeps_its_id_when_others_are_counted_in() -> None:
    assert choice_ids(SEED, 3, 1, 10)[:4] == choice_ids(SEED, 3, 1, 4)


@pytest.mark.parametrize("turn", [1, 31, 32, 1023, 1024, 10**6])
def test_the_tail_of_an_id_is_its_turn_in_base_32(turn: int) -> None:
    for identifier in choice_ids(SEED, turn, 1, 4):
        assert int(identifier[7:], 32) == turn


@pytest.mark.parametrize(
    "identifier",
    ["", "a", "0123456", "abcdefg-1", "abcdefgw", "ABCDEFG1", "abcdefg 1", "abcdefg1\n", "abcdefg٣",
     "abcdefg_1", "01234567890abcdef"],  # pragma: allowlist secret
)  # fmt: skip
def test_what_no_turn_ever_made_is_no_choice_id(identifier: str) -> None:
    with pytest.raises(UnknownChoiceError):
        turn_of(identifier)
