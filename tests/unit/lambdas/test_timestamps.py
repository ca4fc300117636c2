"""Times of the contract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.timestamps import iso, milliseconds
from tests.unit.lambdas.builders import repeatable

LAST = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z, the last that the form can say."""

KNOWN = {
    0: "1970-01-01T00:00:00.000Z",
    1: "1970-01-01T00:00:00.001Z",
    999: "1970-01-01T00:00:00.999Z",
    1_000: "1970-01-01T00:00:01.000Z",
    951_782_400_000: "2000-02-29T00:00:00.000Z",
    1_790_000_000_123: "2026-09-21T14:13:20.123Z",
    4_294_967_296_001: "2106-02-07T06:28:16.001Z",
    LAST: "9999-12-31T23:59:59.999Z",
}


@pytest.mark.parametrize(("time", "text"), KNOWN.items())
def test_a_time_is_written_in_utc_with_milliseconds(time: int, text: str) -> None:
    assert iso(time) == text
    assert milliseconds(text) == time


@repeatable
@given(st.integers(0, LAST))
def test_every_time_comes_back_as_it_was(time: int) -> None:
    assert milliseconds(iso(time)) == time


@repeatable
@given(st.integers(0, LAST), st.integers(0, LAST))
def test_texts_sort_as_their_times_do(one: int, other: int) -> None:
    assert (iso(one) < iso(other)) == (one < other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "2026-11-22T09:30:00Z",
        "2026-11-22T09:30:00.123",
        "2026-11-22T09:30:00.123+01:00",
        "2026-11-22 09:30:00.123Z",
        "2026-02-29T09:30:00.123Z",
        "2026-11-22T24:00:00.000Z",
        "2026-11-22T09:30:00.123Z#geography:000001",
        "1790000000123",
    ],
)
def test_what_is_no_such_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not match|unconverted|out of range"):
        milliseconds(text)
