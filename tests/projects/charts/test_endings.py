import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from projects.charts.endings import settle, within
from projects.charts.line_plot import EARLY_ENDS

NAN = math.nan
MATRICES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 5), st.integers(0, 8)),
    elements=st.floats(-10, 10) | st.just(NAN) | st.just(NAN),
)


def slow(rows: list[list[float]], how: str, logged: int, least: int) -> list[list[float]]:
    cells = len(rows[0]) if rows else 0
    had = [cell for cell in range(cells) if any(not math.isnan(row[cell]) for row in rows)]
    if how == "carry":
        for row in rows:
            for cell in range(1, cells):
                if had and cell <= had[-1] and all(math.isnan(number) for number in row[cell:]):
                    row[cell] = row[cell - 1]
    least = max(least, logged) if how == "all" else least
    for cell in range(cells):
        if sum(not math.isnan(row[cell]) for row in rows) < least:
            for row in rows:
                row[cell] = NAN
    return rows


@given(MATRICES, st.sampled_from([choice.key for choice in EARLY_ENDS]), st.integers(0, 5), st.integers(1, 4))
def test_cells_are_settled_as_loops_settle_them(value: np.ndarray, how: str, logged: int, least: int) -> None:
    expected = np.array(slow(value.tolist(), how, logged, least)).reshape(value.shape)
    made, low, high = settle((value, value - 1, value + 1), how=how, logged=logged, least=least)
    np.testing.assert_array_equal(made, expected)
    own = np.isnan(made) | ~np.isnan(value)
    np.testing.assert_array_equal(low[own], made[own] - 1)
    np.testing.assert_array_equal(high[own], made[own] + 1)
    np.testing.assert_array_equal(low[~own], made[~own])
    np.testing.assert_array_equal(high[~own], made[~own])


def test_by_default_nothing_is_copied() -> None:
    parts = (np.array([[1.0, NAN]]),) * 3
    assert settle(parts, how="available", logged=1, least=1) is parts


def test_gaps_inside_a_run_are_not_filled_and_no_run_outlives_its_group() -> None:
    value = np.array([[1, NAN, 2, NAN, NAN, NAN], [3, 3, 3, 3, 4, NAN]])
    made = settle((value, value, value), how="carry", logged=2, least=1)[0]
    np.testing.assert_array_equal(made, [[1, NAN, 2, 2, 2, NAN], [3, 3, 3, 3, 4, NAN]])


@pytest.mark.parametrize(
    ("width", "lo", "hi", "expected"),
    [
        (None, 1, 2, [1, 2]),
        (None, None, 1.5, [0, 1]),
        (None, 2.5, None, [3]),
        (1.0, 1.4, 2.4, [1, 2]),
        (1.0, 1.4, 2.6, [1, 2, 3]),
    ],
)
def test_cells_in_a_range_are_those_that_touch_it(width, lo, hi, expected: list[float]) -> None:
    x = np.arange(4.0)
    assert x[within(x, width, lo, hi)].tolist() == expected
