"""Chance, measured: draws, orders and ids are as uniform as the rules say.

Every seed is a constant, so each test finds the same figure on every run; the limit is the value
that chi-square passes about once in 10,000 samples of truly uniform numbers.
"""

from collections.abc import Iterable, Mapping
from itertools import accumulate, permutations, product
from math import exp

import pytest

from domain.session.drawing import PoolDraw, next_draw
from domain.session.permutation import permuted
from domain.session.pool import Pool
from domain.session.presentation import choice_ids, choice_order
from domain.session.state import Session
from tests.unit.domain.builders import Learner, bank, entry, question, seeded, session, source
from tests.unit.domain.chi_square import Cell, chi_square, limit

pytestmark = pytest.mark.slow


def fits(found: Iterable[Cell], weights: Mapping[Cell, int]) -> bool:
    """Tell whether what was found is spread over the cells by their weights."""
    return chi_square(found, weights) < limit(len(weights) - 1)


def evenly(cells: Iterable[Cell]) -> dict[Cell, int]:
    return dict.fromkeys(cells, 1)


# The yardstick


@pytest.mark.parametrize("freedom", [4, 10, 100, 1000])
def test_true_uniform_numbers_pass_the_limit_about_once_in_ten_thousand(freedom: int) -> None:
    half = limit(freedom) / 2
    terms = accumulate(range(1, freedom // 2), lambda term, k: term * half / k, initial=exp(-half))
    assert 0.7e-4 < sum(terms) < 1.05e-4, "the exact tail, which even degrees have in closed form"


def test_a_loaded_die_is_noticed() -> None:
    fair = [number % 6 for number in range(6_000)]
    assert fits(fair, evenly(range(6)))
    assert not fits([*fair, *[5] * 200], evenly(range(6)))


# Draws


@pytest.mark.parametrize("at", ["first", "second", "middle", "last"])
@pytest.mark.parametrize("size", [2, 5, 30, 64, 65, 100])
def test_any_question_is_as_likely_as_another_at_any_place(size: int, at: str) -> None:
    index = {"first": 0, "second": 1, "middle": size // 2, "last": size - 1}[at]
    found = (permuted(index, size, seeded(number), b"geo") for number in range(60 * size))
    assert fits(found, evenly(range(size)))


def test_any_part_of_a_large_pool_is_as_likely_as_another() -> None:
    found = (permuted(0, 1000, seeded(number), b"geo") // 50 for number in range(10_000))
    assert fits(found, evenly(range(20)))


@pytest.mark.parametrize("second", ["next", "last"])
@pytest.mark.parametrize(
    ("size", "samples"), [(5, 4_000), (30, 15_000), (65, 50_000), (100, 60_000)]
)
def test_any_ordered_pair_is_as_likely_as_another(size: int, samples: int, second: str) -> None:
    other = 1 if second == "next" else size - 1
    keys = (seeded(number) for number in range(samples))
    found = ((permuted(0, size, key, b"geo"), permuted(other, size, key, b"geo")) for key in keys)
    assert fits(found, evenly(permutations(range(size), 2)))


def test_any_ordered_pair_of_parts_of_a_large_pool_is_as_likely_as_another() -> None:
    keys = (seeded(number) for number in range(30_000))
    found = (
        (permuted(0, 1000, key, b"geo") // 50, permuted(1, 1000, key, b"geo") // 50) for key in keys
    )
    pairs = {pair: 50 * (50 - (pair[0] == pair[1])) for pair in product(range(20), repeat=2)}
    assert fits(found, pairs)


def test_every_order_of_a_small_category_is_as_likely_as_another() -> None:
    orders = (
        tuple(permuted(index, 4, seeded(number), b"geo") for index in range(4))
        for number in range(5_000)
    )
    assert fits(orders, evenly(permutations(range(4))))


def first_questions(begun: Session, questions: int, sizes: dict[str, int]) -> list[str]:
    learner = Learner(begun, bank(**sizes))
    shown = []
    for _ in range(questions):
        shown.append(learner.question.question_id)
        learner.right()
    return shown


def test_sources_are_drawn_from_in_proportion_to_what_they_have_left() -> None:
    sources = (source("geo", 20, 9), source("art", 3, 3))
    found: list[tuple[str, ...]] = []
    for number in range(2_000):
        drawn = first_questions(session(*sources, seed=seeded(number)), 2, {"geo": 20, "art": 3})
        found.append(tuple(identifier[:3] for identifier in drawn))

    weights: dict[tuple[str, ...], int] = {
        ("geo", "geo"): 9 * 8,
        ("geo", "art"): 9 * 3,
        ("art", "geo"): 3 * 9,
        ("art", "art"): 3 * 2,
    }
    assert fits(found, weights)


def test_every_question_of_all_sources_is_as_likely_as_another_on_each_turn() -> None:
    sources = (source("geo", 6), source("art", 2))
    drawn = [
        first_questions(session(*sources, seed=seeded(number)), 4, {"geo": 6, "art": 2})
        for number in range(1_500)
    ]
    for turn in range(4):
        assert fits((each[turn] for each in drawn), evenly(bank(geo=6, art=2)))
    assert fits(((each[0], each[1]) for each in drawn), evenly(permutations(bank(geo=6, art=2), 2)))


@pytest.mark.parametrize("percentage", [1, 20, 50, 99])
def test_the_pool_gets_its_share_of_draws_when_both_sides_have_questions(percentage: int) -> None:
    pool = Pool().added(entry(1)).added(entry(2))
    begun = session(source("geo", 500), percentage=percentage)._replace(pool=pool)
    sides = [isinstance(next_draw(begun._replace(turns=turn)), PoolDraw) for turn in range(10_000)]

    assert fits(sides, {True: percentage, False: 100 - percentage})


def test_the_pool_gets_its_share_of_the_same_turn_of_many_sessions() -> None:
    pool = Pool().added(entry(1)).added(entry(2))
    begun = session(source("geo", 500), percentage=20)._replace(pool=pool)
    draws = (next_draw(begun._replace(seed=seeded(number))) for number in range(10_000))

    assert fits((isinstance(draw, PoolDraw) for draw in draws), {True: 20, False: 80})


def test_the_side_of_a_draw_tells_nothing_of_the_next() -> None:
    pool = Pool().added(entry(1)).added(entry(2))
    begun = session(source("geo", 500), percentage=20)._replace(pool=pool)
    sides = [isinstance(next_draw(begun._replace(turns=turn)), PoolDraw) for turn in range(10_000)]

    weights = {(True, True): 4, (True, False): 16, (False, True): 16, (False, False): 64}
    assert fits(zip(sides[::2], sides[1::2], strict=True), weights)


# Orders


@pytest.mark.parametrize("count", [2, 3, 4, 10])
def test_the_right_choice_is_first_shown_anywhere_as_likely_as_elsewhere(count: int) -> None:
    questions = {"geo:000000": question(count=count)}
    found = []
    for number in range(2_000):
        learner = Learner(session(source("geo", 1), seed=seeded(number)), questions)
        found.append(learner.turn.order.index(0))

    assert fits(found, evenly(range(count)))


def test_every_first_order_is_as_likely_as_another() -> None:
    choices = question().choices
    found = (choice_order(choices, seeded(number), 1) for number in range(5_000))
    assert fits(found, evenly(permutations(range(4))))


def test_every_order_around_a_pinned_choice_is_as_likely_as_another() -> None:
    choices = question(count=5, pinned=(2,)).choices
    found = (choice_order(choices, seeded(number), 1) for number in range(5_000))
    assert fits(found, evenly(o for o in permutations(range(5)) if o[2] == 2))


@pytest.mark.parametrize(("count", "previous"), [(3, (0, 1, 2)), (3, (2, 0, 1)), (4, (3, 1, 0, 2))])
def test_a_retry_shows_every_other_order_as_likely_as_another(
    count: int, previous: tuple[int, ...]
) -> None:
    choices = question(count=count).choices
    found = (choice_order(choices, seeded(n), 2, previous=previous) for n in range(6_000))
    assert fits(found, evenly(set(permutations(range(count))) - {previous}))


def test_the_order_of_one_turn_tells_nothing_of_the_next() -> None:
    choices = question(count=3).choices
    found = (
        (choice_order(choices, seeded(7), turn), choice_order(choices, seeded(7), turn + 1))
        for turn in range(1, 10_000, 2)
    )
    assert fits(found, evenly(product(permutations(range(3)), repeat=2)))


def test_the_order_tells_nothing_of_the_question_drawn_next() -> None:
    found = []
    for number in range(4_000):
        learner = Learner(session(source("geo", 3), seed=seeded(number)), bank(geo=3))
        place = learner.turn.order.index(0)
        learner.right()
        found.append((place, learner.question.question_id))

    assert fits(found, evenly(product(range(4), bank(geo=3))))


def test_the_order_tells_nothing_of_the_source_drawn_on_its_turn() -> None:
    sources, questions = (source("geo", 2), source("art", 2)), bank(geo=2, art=2)
    found = []
    for number in range(2_000):
        learner = Learner(session(*sources, seed=seeded(number)), questions)
        found.append((learner.question.question_id[:3], learner.turn.order.index(0)))

    assert fits(found, evenly(product(("geo", "art"), range(4))))


# Ids


def test_the_rank_of_the_right_choices_id_tells_nothing_of_the_choice() -> None:
    ids = (choice_ids(seeded(number), 1, 1, 4) for number in range(4_000))
    ranks = (sorted(each).index(each[0]) for each in ids)
    assert fits(ranks, evenly(range(4)))


def test_the_ranks_of_all_ids_are_in_any_order_as_likely_as_another() -> None:
    ids = (choice_ids(seeded(7), turn, 1, 4) for turn in range(1, 5_001))
    ranks = (tuple(sorted(each).index(identifier) for identifier in each) for each in ids)
    assert fits(ranks, evenly(permutations(range(4))))


def test_the_rank_of_an_id_tells_nothing_of_its_place_on_the_screen() -> None:
    choices = question().choices
    found = []
    for turn in range(1, 8_001):
        ids = choice_ids(seeded(7), turn, 1, 4)
        found.append((sorted(ids).index(ids[0]), choice_order(choices, seeded(7), turn).index(0)))
    assert fits(found, evenly(product(range(4), repeat=2)))


def test_every_character_of_an_ids_key_is_as_likely_as_another() -> None:
    keys = [each[:7] for turn in range(1, 1_001) for each in choice_ids(seeded(7), turn, 1, 4)]
    for place in range(7):
        characters = (key[place] for key in keys)
        assert fits(characters, evenly("0123456789abcdefghijklmnopqrstuv"))
