import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from projects.charts.align import MAX_BINS, Aligned, align_points
from projects.charts.filling import fill
from tests.projects.charts.curves import points

NAN = math.nan
MATRICES = hnp.arrays(
    np.float64, st.tuples(st.integers(0, 4), st.integers(0, 12)), elements=st.floats(-1e6, 1e6) | st.just(NAN)
)


def aligned(value: np.ndarray, x: np.ndarray) -> Aligned:
    return Aligned(x, value, value - 1, value + 1, True, None, np.zeros(value.shape[0], dtype=np.int64))


def slow(x: list[float], row: list[float], how: str) -> list[float]:
    made = list(row)
    for cell in range(len(row)):
        left = [at for at in range(cell) if not math.isnan(row[at])]
        right = [at for at in range(cell + 1, len(row)) if not math.isnan(row[at])]
        if math.isnan(row[cell]) and left and right:
            a, b = left[-1], right[0]
            slope = (row[b] - row[a]) / (x[b] - x[a]) if how == "interpolate" else 0
            made[cell] = row[a] + slope * (x[cell] - x[a])
    return made


@given(MATRICES, st.sampled_from(["interpolate", "last"]), st.randoms())
def test_cells_between_a_runs_own_are_filled_as_loops_fill_them(value: np.ndarray, how: str, random) -> None:
    x = np.cumsum([random.uniform(0.1, 5) for _ in range(value.shape[1])])
    made = fill(aligned(value, x), how)
    for run, row in enumerate(value.tolist()):
        assert made.value[run] == pytest.approx(slow(x.tolist(), row, how), rel=1e-9, abs=1e-7, nan_ok=True)
    own = ~np.isnan(value)
    np.testing.assert_array_equal(made.value[own], value[own])
    np.testing.assert_array_equal(made.low, np.where(own, value - 1, made.value))
    np.testing.assert_array_equal(made.high, np.where(own, value + 1, made.value))


@pytest.mark.parametrize("how", ["auto", "exact", "bins"])
def test_other_ways_fill_nothing(how: str) -> None:
    came = aligned(np.array([[1, NAN, 2]]), np.arange(3.0))
    assert fill(came, how) is came


@given(st.floats(-1.7e308, 1.7e308), st.sampled_from(["interpolate", "last"]))
def test_a_constant_run_is_filled_with_its_constant(constant: float, how: str) -> None:
    value = np.array([[NAN, constant, NAN, NAN, constant, NAN]])
    made = fill(aligned(value, np.array([0, 0.1, 0.3, 0.7, 1.1, 2])), how).value
    np.testing.assert_array_equal(made, [[NAN, constant, constant, constant, constant, NAN]])


@pytest.mark.parametrize("how", ["exact", "interpolate", "last"])
def test_the_cells_are_every_x_that_any_run_logged(how: str) -> None:
    made = align_points(points([[(0, 1), (10, 2)], [(3, 5), (4, 6)]]), steps=True, how=how)
    assert made.exact
    assert made.x.tolist() == [0, 3, 4, 10]
    np.testing.assert_array_equal(made.value, [[1, NAN, NAN, 2], [NAN, 5, 6, NAN]])


@pytest.mark.parametrize("how", ["exact", "interpolate", "last"])
def test_more_x_than_a_chart_can_show_are_binned(how: str) -> None:
    curves = [[(2 * i + odd, 1.0) for i in range(MAX_BINS + 1)] for odd in (0, 1)]
    made = align_points(points(curves), steps=True, how=how)
    assert not made.exact
    assert made.width == 4


def test_bins_are_bins_even_where_runs_agree_on_x() -> None:
    curves = [[(10 * i, float(i)) for i in range(200)]] * 2
    assert align_points(points(curves), steps=True).exact
    made = align_points(points(curves), steps=True, how="bins")
    assert not made.exact
    assert made.width == 16
