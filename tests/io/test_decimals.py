"""Numbers of pixels as they are written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.io.boxes.decimals import round_decimals, round_many

NUMBERS = st.one_of(
    st.floats(-1e5, 1e5),
    st.floats(allow_nan=False, allow_infinity=False, width=32).filter(lambda value: abs(value) < 1e15),
    st.integers(-(10**12), 10**12).map(lambda value: value / 1e7),  # every tenth ends in a five
)


@given(st.lists(NUMBERS, max_size=9))
def test_many_are_rounded_as_each_is(values: list[float]) -> None:
    rounded = round_many(np.array(values, np.float64))
    alone = [round_decimals(value) for value in values]
    assert rounded == alone
    assert list(map(type, rounded)) == list(map(type, alone))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.1234565, 0.123456),  # the float lies below the tie, its product with a million on it
        (1.0000005, 1.000001),  # this one above, though its even neighbour is below
        (-0.0000001, 0),
        (2.0**52 + 0.5, 4503599627370496),
        (3.0, 3),
        (2.5, 2.5),
    ],
)
def test_one_of_many_is_rounded_by_what_it_is(value: float, written: float) -> None:
    assert round_many(np.array([value])) == [written]
