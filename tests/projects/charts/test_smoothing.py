import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from projects.charts.align import Aligned
from projects.charts.line_plot import SMOOTHINGS
from projects.charts.smoothing import SMOOTHERS, smooth

WEIGHTS = {"exponentialTimeWeighted": 0.7, "exponential": 0.7, "gaussian": 1.5, "average": 2}
MATRICES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 25)),
    elements=st.floats(-1e6, 1e6) | st.just(math.nan),
)


def aligned(value: np.ndarray, x: np.ndarray | None = None, spread: float | None = None) -> Aligned:
    x = np.arange(value.shape[1], dtype=float) if x is None else x
    low, high = (value, value) if spread is None else (value - spread, value + spread)
    return Aligned(x, value, low, high, True, None, np.zeros(value.shape[0], dtype=np.int64))


def slow(x: list[float], y: list[float], kind: str, weight: float) -> list[float]:
    """Every value from all points of the run, as the formulas say."""
    distance = (x[-1] - x[0]) / (len(x) - 1) if len(x) > 1 else 1

    def counts(i: int, j: int) -> float:
        if kind == "gaussian":
            return math.exp(-((i - j) ** 2) / (2 * weight**2)) if abs(i - j) <= math.ceil(4 * weight) else 0
        if kind == "average":
            return abs(i - j) <= math.ceil(weight)
        if j > i:
            return 0
        return weight ** (i - j if kind == "exponential" else (x[i] - x[j]) / distance)

    places = range(len(y))
    return [math.fsum(counts(i, j) * y[j] for j in places) / math.fsum(counts(i, j) for j in places) for i in places]


def test_every_choice_has_its_function() -> None:
    assert ["none", *SMOOTHERS] == [choice.key for choice in SMOOTHINGS]


@given(MATRICES, st.sampled_from(list(SMOOTHERS)), st.sampled_from([0.1, 0.5, 0.95]), st.randoms())
def test_every_smoothing_is_what_loops_over_the_points_of_a_run_give(value, kind, weight, random) -> None:
    weight = weight if kind.startswith("exponential") else weight * 4
    x = np.cumsum([random.uniform(0.1, 5) for _ in range(value.shape[1])])
    smoothed = smooth(aligned(value, x), kind, weight).value
    assert (np.isnan(smoothed) == np.isnan(value)).all(), "gaps are neither filled nor made"
    for run, row in enumerate(value):
        has = ~np.isnan(row)
        if has.any():
            expected = slow(x[has].tolist(), row[has].tolist(), kind, weight)
            assert smoothed[run, has] == pytest.approx(expected, rel=1e-9, abs=1e-8)


@pytest.mark.parametrize("kind", ["none", *SMOOTHERS])
def test_weight_0_and_none_change_nothing_to_the_last_bit(kind: str) -> None:
    came = aligned(np.random.default_rng(1).normal(size=(3, 50)), spread=1.0)
    assert smooth(came, kind, 0.0) is came
    assert smooth(came, "none", 0.6) is came


@given(st.floats(-1.7e308, 1.7e308), st.integers(1, 40), st.sampled_from(list(SMOOTHERS)), st.floats(0.01, 0.999))
def test_a_constant_run_stays_so_to_the_last_bit(constant: float, points: int, kind: str, weight: float) -> None:
    value = np.full((2, points), constant)
    value[1, ::3] = np.nan
    np.testing.assert_array_equal(smooth(aligned(value), kind, weight).value, value)


@given(MATRICES, st.sampled_from(list(SMOOTHERS)))
def test_other_runs_change_nothing_to_the_last_bit(value: np.ndarray, kind: str) -> None:
    together = smooth(aligned(value), kind, WEIGHTS[kind]).value
    for run in range(value.shape[0]):
        alone = smooth(aligned(value[run : run + 1]), kind, WEIGHTS[kind]).value
        np.testing.assert_array_equal(alone[0], together[run])


@pytest.mark.parametrize("kind", SMOOTHERS)
def test_the_ends_of_a_bin_are_smoothed_too_and_enclose_the_mean(kind: str) -> None:
    value = np.random.default_rng(2).normal(size=(3, 60))
    made = smooth(aligned(value, spread=0.25), kind, WEIGHTS[kind])
    assert made.low == pytest.approx(made.value - 0.25)
    assert made.high == pytest.approx(made.value + 0.25)
    assert (made.low <= made.value).all()
    assert (made.value <= made.high).all()


def test_equally_spaced_points_weigh_in_time_as_they_weigh_in_turn() -> None:
    value = np.random.default_rng(3).normal(size=(2, 30))
    by_time = smooth(aligned(value, np.arange(30) * 7.0), "exponentialTimeWeighted", 0.8).value
    assert by_time == pytest.approx(smooth(aligned(value), "exponential", 0.8).value, rel=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", SMOOTHERS)
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 1), (2, 3)])
def test_runs_without_values_stay_without(kind: str, shape: tuple[int, int]) -> None:
    assert np.isnan(smooth(aligned(np.full(shape, np.nan)), kind, 0.5).value).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", SMOOTHERS)
def test_the_largest_floats_are_smoothed_like_others(kind: str) -> None:
    value = np.array([[1.7e308, -1.7e308] * 10])
    assert np.isfinite(smooth(aligned(value), kind, WEIGHTS[kind]).value).all()
