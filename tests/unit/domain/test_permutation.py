"""Drawing without replacement: a permutation computed value by value."""

from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidValueError
from domain.session.permutation import ROUNDS, SHUFFLED_BELOW, permuted
from tests.unit.domain.builders import SEED, seeded


def whole(size: int, key: bytes = SEED, label: bytes = b"geo") -> list[int]:
    return [permuted(index, size, key, label) for index in range(size)]


@pytest.mark.parametrize("size", range(1, 301))
def test_every_value_is_drawn_exactly_once(size: int) -> None:
    assert sorted(whole(size)) == list(range(size))


@pytest.mark.parametrize("size", [1_000, 4_096, 10_007])
def test_every_value_of_a_large_pool_is_drawn_exactly_once(size: int) -> None:
    assert sorted(whole(size)) == list(range(size))


@pytest.mark.slow
@given(
    size=st.integers(SHUFFLED_BELOW, 10**6),
    key=st.binary(min_size=16, max_size=16),
    data=st.data(),
)
def test_no_two_draws_from_a_pool_of_any_size_are_the_same(
    size: int, key: bytes, data: st.DataObject
) -> None:
    indexes = data.draw(st.sets(st.integers(0, size - 1), min_size=2, max_size=50))

    values = {permuted(index, size, key, b"geo") for index in indexes}

    assert len(values) == len(indexes)
    assert min(values) >= 0
    assert max(values) < size


@pytest.mark.parametrize("size", [1, 5, 64, 65, 1_000_000])
@pytest.mark.parametrize("past", [-1, 0, 1])
def test_an_index_outside_the_pool_is_refused(size: int, past: int) -> None:
    index = -1 if past < 0 else size + past
    with pytest.raises(InvalidValueError, match="is not within a pool"):
        permuted(index, size, SEED, b"geo")


@pytest.mark.parametrize("size", [50, SHUFFLED_BELOW - 1, SHUFFLED_BELOW, 200])
def test_another_seed_or_another_category_is_another_permutation(size: int) -> None:
    orders = [whole(size), whole(size, key=seeded(7)), whole(size, label=b"art")]

    for first, second in ((0, 1), (0, 2), (1, 2)):
        same = sum(a == b for a, b in zip(orders[first], orders[second], strict=True))
        assert same < size / 4


@pytest.mark.parametrize(
    ("size", "values"),
    [
        (10, [7, 2, 4, 0, 1, 3, 9, 6]),
        (100, [45, 27, 75, 48, 93, 18, 44, 33]),
        (1_000_000, [253411, 828358, 794940, 674961, 229251, 512730, 202723, 910973]),
    ],
)
def test_the_permutation_of_a_seed_is_the_same_for_ever(size: int, values: list[int]) -> None:
    assert [permuted(index, size, SEED, b"geo") for index in range(8)] == values


class CountedHash:
    """blake2b that counts the digests taken."""

    taken = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._hash = blake2b(*arguments, **options)

    def copy(self) -> "CountedHash":
        copied = CountedHash()
        copied._hash = self._hash.copy()
        return copied

    def update(self, message: bytes) -> None:
        self._hash.update(message)

    def digest(self) -> bytes:
        CountedHash.taken += 1
        return self._hash.digest()


@pytest.mark.parametrize("size", [100, 10_000, 1_000_000])
def test_a_draw_takes_one_walk_through_the_network_at_any_size(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.session.permutation.blake2b", CountedHash)
    CountedHash.taken = 0
    draws = 300
    for index in range(draws):
        permuted(index * size // draws, size, b"k" * 16, b"geography")
    assert CountedHash.taken <= 1.05 * draws * ROUNDS
