import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from projects.charts.aggregate import t_975
from projects.conclusions.comparison import Difference, holm, paired, superiority, two_sided_p, welch

# Few distinct values, so that there are ties.
sample = st.lists(st.integers(-20, 20).map(lambda number: number / 7), min_size=1, max_size=12).map(np.array)
two = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=1, max_size=12).map(
    lambda pairs: (np.array([a / 7 for a, _ in pairs]), np.array([b / 7 for _, b in pairs]))
)


@given(group=sample, baseline=sample)
def test_welch_is_scipys(group: np.ndarray, baseline: np.ndarray) -> None:
    found = welch(group, baseline)
    assert found.value == pytest.approx(group.mean() - baseline.mean(), abs=1e-12)
    if min(group.size, baseline.size) < 2:
        assert found == Difference(found.value)
    elif np.ptp(group) == np.ptp(baseline) == 0:
        assert found == Difference(found.value, found.value, found.value)
    else:
        known = stats.ttest_ind(group, baseline, equal_var=False)
        interval = known.confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-11)
        assert found.freedom == pytest.approx(known.df, rel=1e-9)
        assert found.p == pytest.approx(known.pvalue, rel=1e-8, abs=1e-12)


@given(pairs=two)
def test_pairs_are_compared_as_scipy_does(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    group, baseline = pairs
    found = paired(group, baseline)
    assert found.pairs == group.size
    assert found.value == pytest.approx((group - baseline).mean(), abs=1e-12)
    if group.size < 2:
        assert (found.low, found.high, found.p) == (None, None, None)
        return
    assume(np.ptp(group - baseline) > 1e-9)
    known = stats.ttest_rel(group, baseline)
    interval = known.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-11)
    assert found.p == pytest.approx(known.pvalue, rel=1e-8, abs=1e-12)


def test_pairs_that_all_differ_by_the_same_leave_no_doubt_and_no_p() -> None:
    assert paired(np.array([1.5, 2.5]), np.array([1.0, 2.0])) == Difference(0.5, 0.5, 0.5, pairs=2)


@given(group=sample, baseline=sample)
def test_superiority_is_mann_whitneys_u_over_all_pairs(group: np.ndarray, baseline: np.ndarray) -> None:
    found = superiority(group, baseline)
    known = stats.mannwhitneyu(group, baseline, method="asymptotic").statistic
    assert found == pytest.approx(known / group.size / baseline.size, rel=1e-12)
    assert found + superiority(baseline, group) == pytest.approx(1)


@given(t=st.floats(-60, 60), freedom=st.floats(1, 5000))
def test_p_and_quantile_of_students_t_are_scipys(t: float, freedom: float) -> None:
    assert two_sided_p(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-8, abs=1e-300)
    assert t_975(np.array([freedom]))[0] == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


def test_extremes_of_t_have_a_p() -> None:
    assert two_sided_p(0.0, 3.0) == 1.0
    assert two_sided_p(math.inf, 3.0) == two_sided_p(1e200, 3.0) == 0.0


@given(ps=st.lists(st.floats(0, 1) | st.none(), max_size=8))
def test_holm_is_the_definition(ps: list[float | None]) -> None:
    known = [p for p in ps if p is not None]
    for p, found in zip(ps, holm(ps), strict=True):
        if p is None:
            assert found is None
            continue
        # Over all p up to this one: so many as are not smaller, times it.
        expected = max(min(1.0, q * sum(1 for other in known if other >= q)) for q in known if q <= p)
        assert found == pytest.approx(expected)
        assert found is not None
        assert found >= p
