import math
import statistics

import numpy as np
import pytest

from projects.charts import bootstrap
from projects.charts.aggregate import group_line
from projects.charts.bootstrap import BLOCK, DRAWS, interval, resamples


def band(value: np.ndarray, agg: str = "mean") -> tuple[np.ndarray, np.ndarray]:
    drawn = group_line(np.arange(float(value.shape[1])), value, value, value, agg=agg, area="bootstrap")
    return drawn.low, drawn.high


def slow_percentile(values: list[float], q: float) -> float:
    values = sorted(values)
    place = q * (len(values) - 1)
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def test_the_band_is_what_loops_over_every_draw_and_run_give() -> None:
    rng = np.random.default_rng(1)
    value = rng.normal(3, 2, size=(5, 4))
    value[0, 1:] = value[1, 2:] = value[2, 3] = np.nan  # runs that end early
    low, high = band(value)
    times = resamples(5).astype(int).tolist()
    for cell in range(4):
        means = []
        for draw in times:
            drawn = [value[run, cell] for run in range(5) for _ in range(draw[run])]
            drawn = [number for number in drawn if not math.isnan(number)]
            if drawn:
                means.append(statistics.fmean(drawn))
        assert low[cell] == pytest.approx(slow_percentile(means, 0.025), rel=1e-12)
        assert high[cell] == pytest.approx(slow_percentile(means, 0.975), rel=1e-12)


def test_every_draw_is_of_as_many_runs_as_there_are_and_every_run_is_drawn_equally_often() -> None:
    times = resamples(20)
    assert times.shape == (DRAWS, 20)
    assert (times.sum(axis=1) == 20).all()
    assert times.mean(axis=0) == pytest.approx(np.ones(20), abs=0.1)


def test_the_draws_are_the_same_today_and_in_every_version() -> None:
    assert resamples(6)[:3].tolist() == [[1, 0, 0, 3, 1, 1], [1, 1, 1, 1, 1, 1], [2, 2, 1, 0, 1, 0]]


def test_the_same_runs_are_drawn_at_every_x() -> None:
    run = np.random.default_rng(2).normal(size=(7, 1))
    low, high = band(np.repeat(run, 2 * BLOCK + 3, axis=1))
    assert low == pytest.approx(np.full(low.shape, low[0]), rel=1e-12)
    assert high == pytest.approx(np.full(high.shape, high[0]), rel=1e-12)


def test_for_many_normal_runs_it_is_nearly_the_interval_of_the_normal_distribution() -> None:
    value = np.random.default_rng(3).normal(size=(400, 1))
    low, high = band(value)
    half = 1.96 * value.std(ddof=1) / 20
    assert [low[0], high[0]] == pytest.approx([value.mean() - half, value.mean() + half], abs=0.02)


def test_it_is_of_the_mean_whatever_the_line() -> None:
    value = np.random.default_rng(4).normal(size=(9, 3))
    for agg in ("median", "iqm", "min", "max"):
        np.testing.assert_array_equal(band(value, agg), band(value))


def test_runs_without_any_value_change_nothing() -> None:
    value = np.random.default_rng(5).normal(size=(6, 3))
    more = np.vstack([np.full((2, 3), np.nan), value])
    np.testing.assert_array_equal(band(more), band(value))


def test_one_run_has_no_band_and_runs_that_agree_one_without_width() -> None:
    low, high = band(np.array([[0.1, 0.1], [0.1, np.nan], [0.1, np.nan]]))
    assert (low[0], high[0]) == (0.1, 0.1)
    assert np.isnan([low[1], high[1]]).all()


def test_memory_is_bounded_by_a_block_of_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    percentiles = bootstrap._percentiles

    def measured(means: np.ndarray) -> np.ndarray:
        sizes.append(means.nbytes)
        return percentiles(means)

    monkeypatch.setattr(bootstrap, "_percentiles", measured)
    value = np.random.default_rng(6).normal(size=(3, 2000))
    interval(value, ~np.isnan(value))
    assert len(sizes) == 8
    assert max(sizes) <= DRAWS * BLOCK * 8
