import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.query.grouping import measured
from projects.query.statistics import STATISTICS, grouped_statistics

_values = st.floats(min_value=-1e300, max_value=1e300) | st.sampled_from([1e15, 1e15 + 0.5, 5e-324, 0.0, -0.0])


def _obvious(values: list[float]) -> tuple[float, float]:
    # Divided first: numpy overflows where the result does not.
    scale = max(map(abs, values)) or 1.0
    scaled = np.array(values, dtype=np.longdouble) / np.longdouble(scale)
    std = float(np.std(scaled, ddof=1) * scale) if len(values) > 1 else np.nan
    return float(np.mean(scaled) * scale), std


@given(st.lists(st.tuples(st.integers(0, 3), _values), max_size=40), st.randoms())
def test_statistics_are_those_of_numpy_and_the_same_bits_in_any_order(pairs, random):
    group, value = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    found = grouped_statistics(group.astype(np.int64), value.astype(np.float64), 4)
    for g in range(4):
        own = [v for h, v in pairs if h == g]
        assert found.n[g] == len(own)
        if not own:
            assert np.isnan([found.mean[g], found.median[g], found.std[g], found.low[g], found.high[g]]).all()
            continue
        mean, std = _obvious(own)
        scale = max(map(abs, own))
        assert (found.low[g], found.high[g]) == (min(own), max(own))
        assert found.median[g] == pytest.approx(float(np.median(np.array(own) / 2) * 2), rel=1e-12, abs=1e-320)
        assert found.mean[g] == pytest.approx(mean, rel=1e-9, abs=1e-12 * scale)
        assert found.std[g] == pytest.approx(std, rel=1e-9, abs=1e-12 * scale, nan_ok=True)

    random.shuffle(pairs)
    group, value = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    again = grouped_statistics(group.astype(np.int64), value.astype(np.float64), 4)
    for name in ("n", "mean", "median", "std", "low", "high"):
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))


def test_a_small_deviation_on_a_large_mean_is_not_lost():
    value = 1e9 + np.array([0.1, 0.2, 0.3, 0.4])
    found = grouped_statistics(np.zeros(4, dtype=np.int64), value, 1)
    assert found.std[0] == pytest.approx(np.std(value, ddof=1), rel=1e-9)


def test_values_that_are_not_finite_are_left_out():
    found = grouped_statistics(np.zeros(4, dtype=np.int64), np.array([1.0, np.nan, np.inf, 3.0]), 1)
    assert (found.n[0], found.mean[0], found.high[0]) == (2, 2.0, 3.0)


def test_each_statistic_is_that_of_numpy_and_says_where_there_is_none():
    values = np.array([4.0, 1.0, 2.5, 9.0])
    found = grouped_statistics(np.array([0, 0, 0, 2]), values, 3)
    own = values[:3]
    expected = {
        "mean_std": own.mean(), "mean": own.mean(), "median": np.median(own), "min": 1.0, "max": 4.0,
        "stddev": own.std(ddof=1), "stderr": own.std(ddof=1) / np.sqrt(3), "count": 3,
    }  # fmt: skip
    assert {key: it.number(found)[0] for key, it in STATISTICS.items()} == pytest.approx(expected)
    assert np.isnan([STATISTICS[key].number(found)[1] for key in STATISTICS if key != "count"]).all()
    assert np.isnan([STATISTICS[key].number(found)[2] for key in ("stddev", "stderr")]).all()
    assert STATISTICS["count"].number(found).tolist() == [3, 0, 1]


@pytest.mark.parametrize("values", [[], [3.0], [4.0, 1.0, 2.5]])
def test_a_cell_has_the_number_that_groups_are_sorted_by(values):
    found = grouped_statistics(np.zeros(len(values), dtype=np.int64), np.array(values), 1)
    (cell,) = measured(found)
    for key, statistic in STATISTICS.items():
        number = float(statistic.number(found)[0])
        assert cell.number(key) == (None if np.isnan(number) else pytest.approx(number, rel=1e-15)), key
