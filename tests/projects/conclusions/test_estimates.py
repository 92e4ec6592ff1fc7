import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from projects.conclusions.estimates import CELLS, Estimate, best, estimates, shown

values = st.lists(
    st.integers(-(10**6), 10**6).map(lambda number: number / 997) | st.sampled_from([math.nan, math.inf]), max_size=12
)


@given(groups=st.lists(values, min_size=1, max_size=5), kind=st.sampled_from(list(CELLS)))
def test_a_cell_says_what_numpy_and_scipy_say_of_its_finite_values(groups: list[list[float]], kind: str) -> None:
    found = estimates(kind, [np.array(group, dtype=float) for group in groups])
    assert len(found) == len(groups)
    for estimate, group in zip(found, groups, strict=True):
        finite = np.array([value for value in group if math.isfinite(value)])
        assert estimate.n == finite.size
        if not finite.size:
            assert estimate == Estimate(0)
            continue
        close = {"rel": 1e-9, "abs": 1e-9 * np.abs(finite).max()}
        assert estimate.middle == pytest.approx(np.median(finite) if kind == "quartiles" else finite.mean(), **close)
        if finite.size < 2:
            assert (estimate.error, estimate.low, estimate.high) == (None, None, None)
        elif kind == "stddev":
            assert estimate.error == pytest.approx(finite.std(ddof=1), **close)
        elif kind == "ci95":
            half = stats.t.ppf(0.975, finite.size - 1) * stats.sem(finite)
            assert estimate.error == pytest.approx(half, **close)
        else:
            assert (estimate.low, estimate.high) == pytest.approx(tuple(np.percentile(finite, (25, 75))), **close)


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(5, 0.91234, error=0.01267), "0.912 ± 0.013"),
        (Estimate(5, 1.234e-7, error=5.6e-9), "(1.234 ± 0.056)×10⁻⁷"),
        (Estimate(5, 0.9, low=0.86, high=0.94), "0.900 [0.860, 0.940]"),
        (Estimate(5, 2.0, low=2.0, high=2.0), "2 [2, 2]"),
        (Estimate(5, 0.5, error=0.0), "0.5 ± 0"),
        (Estimate(1, 0.91234), "0.9123"),
        (Estimate(0), "–"),
    ],
)
def test_the_decimals_are_those_of_the_error(estimate: Estimate, text: str) -> None:
    assert str(shown(estimate)) == text


def test_of_equal_bests_all_are_best_and_the_empty_none() -> None:
    column = [Estimate(2, 1.0), None, Estimate(2, 3.0), Estimate(0), Estimate(2, 3.0), Estimate(2, -1.0)]
    assert best(column, "max") == {2, 4}
    assert best(column, "min") == {5}
    assert best(column, "none") == best([None, Estimate(0)], "max") == set()
