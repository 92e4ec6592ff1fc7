import csv
import math
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from projects.charts.aggregate import BANDS, LINES, GroupLine, group_line, t_975
from projects.charts.align import align_points
from projects.charts.line_plot import GROUP_AGGS, GROUP_AREAS
from tests.projects.charts.curves import Curve, points

CASES = list(csv.DictReader((Path(__file__).parents[2] / "cases" / "statistics.csv").open()))
VALUES = st.floats(-1e6, 1e6) | st.sampled_from([math.nan, 0.0, 0.1])


def one_cell(values: list[float], agg: str = "mean", area: str = "none", sample_deviation: bool = True) -> GroupLine:
    column = np.array(values)[:, None]
    return group_line(np.zeros(1), column, column, column, agg=agg, area=area, sample_deviation=sample_deviation)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['statistic']}-{case['values'].replace(' ', '_')}")
def test_the_table_of_cases_holds(case: dict[str, str]) -> None:
    values = [float(text) for text in case["values"].split()]
    if case["kind"] == "line":
        assert one_cell(values, agg=case["statistic"]).line[0] == pytest.approx(float(case["expected"]), rel=1e-12)
        return
    area = case["statistic"].removeprefix("population ")
    drawn = one_cell(values, area=area, sample_deviation=area == case["statistic"])
    if case["expected"] == "none":
        assert np.isnan([drawn.low[0], drawn.high[0]]).all()
    else:
        ends = [float(text) for text in case["expected"].split()]
        assert [drawn.low[0], drawn.high[0]] == pytest.approx(ends, rel=1e-12)


def test_the_table_of_cases_knows_every_choice() -> None:
    covered = {(case["kind"], case["statistic"].removeprefix("population ")) for case in CASES}
    assert covered == {("line", key) for key in LINES} | {("band", key) for key in BANDS}


def test_every_choice_has_its_function() -> None:
    assert list(LINES) == [choice.key for choice in GROUP_AGGS]
    assert list(BANDS) == [choice.key for choice in GROUP_AREAS]


def slow_quantile(values: list[float], q: float) -> float:
    values = sorted(values)
    place = q * (len(values) - 1)
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def slow_iqm(values: list[float]) -> float:
    cut = len(values) // 4
    return statistics.fmean(sorted(values)[cut : len(values) - cut])


SLOW_LINES: dict[str, Callable[[list[float], list[float], list[float]], float]] = {
    "mean": lambda value, low, high: statistics.fmean(value),
    "median": lambda value, low, high: statistics.median(value),
    "iqm": lambda value, low, high: slow_iqm(value),
    "min": lambda value, low, high: min(low),
    "max": lambda value, low, high: max(high),
}


def slow_band(area: str, value: list[float], low: list[float], high: list[float]) -> tuple[float, float] | None:
    n = len(value)
    if area == "minmax" and (n > 1 or min(low) < max(high)):
        return min(low), max(high)
    if n < 2 or area in ("none", "each", "minmax"):
        return None
    if area == "quartiles":
        return slow_quantile(value, 0.25), slow_quantile(value, 0.75)
    half = statistics.stdev(value)
    if area != "stddev":
        half /= math.sqrt(n)
    if area == "ci95":
        half *= [0, 12.706204736174694, 4.302652729749462, 3.182446305283708, 2.7764451051977934, 2.5705818356363146][
            n - 1
        ]
    return statistics.fmean(value) - half, statistics.fmean(value) + half


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 300), VALUES), max_size=30).map(lambda c: sorted(c, key=lambda p: p[0])),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([choice.key for choice in GROUP_AGGS]),
    st.sampled_from([choice.key for choice in GROUP_AREAS if choice.key != "bootstrap"]),  # test_bootstrap.py
)
def test_every_line_and_band_is_what_loops_over_the_raw_points_give(curves: list[Curve], agg: str, area: str) -> None:
    aligned = align_points(points(curves), steps=True)
    drawn = group_line(aligned.x, aligned.value, aligned.low, aligned.high, agg=agg, area=area)
    reach = 0 if aligned.exact else (aligned.width - 1) / 2
    shown = iter(range(drawn.x.size))
    for x in aligned.x.tolist():
        inside = [[y for at, y in curve if abs(at - x) <= reach and math.isfinite(y)] for curve in curves]
        inside = [ys for ys in inside if ys]
        if not inside:
            continue
        cell = next(shown)
        value, low, high = (
            [statistics.fmean(ys) for ys in inside],
            [min(ys) for ys in inside],
            [max(ys) for ys in inside],
        )
        assert (drawn.x[cell], drawn.n[cell]) == (x, len(inside))
        assert drawn.line[cell] == pytest.approx(SLOW_LINES[agg](value, low, high), rel=1e-9, abs=1e-8)
        band = slow_band(area, value, low, high)
        if band is None:
            assert np.isnan([drawn.low[cell], drawn.high[cell]]).all()
        else:
            assert (drawn.low[cell], drawn.high[cell]) == pytest.approx(band, rel=1e-9, abs=1e-7)
    assert next(shown, None) is None, "cells are drawn that no run has"


@given(st.floats(-1e300, 1e300), st.integers(2, 12), st.sampled_from(["mean", "median", "iqm", "min", "max"]))
@example(0.1, 3, "mean")
def test_runs_that_agree_have_their_value_and_no_deviation_at_all(value: float, n: int, agg: str) -> None:
    for area in ("stddev", "stderr", "ci95", "bootstrap", "quartiles", "minmax"):
        drawn = one_cell([value] * n, agg=agg, area=area)
        assert drawn.line.tolist() == drawn.low.tolist() == drawn.high.tolist() == [value]


@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 8), st.integers(1, 5)), elements=st.floats(-1e3, 1e3)))
def test_a_shift_of_all_runs_moves_the_line_and_keeps_the_deviation(value: np.ndarray) -> None:
    x = np.arange(value.shape[1], dtype=float)
    plain = group_line(x, value, value, value, agg="mean", area="stddev")
    moved_value = value + 2.0**30
    moved = group_line(x, moved_value, moved_value, moved_value, agg="mean", area="stddev")
    assert moved.line - 2.0**30 == pytest.approx(plain.line, abs=1e-5)
    assert moved.high - moved.low == pytest.approx(plain.high - plain.low, abs=1e-5)


def test_bands_of_deviation_are_centred_on_the_mean_whatever_the_line() -> None:
    for area in ("stddev", "stderr", "ci95"):
        for agg in LINES:
            drawn = one_cell([0, 0, 0, 10], agg=agg, area=area)
            assert (drawn.low + drawn.high) / 2 == pytest.approx([2.5])


def test_a_run_that_dies_moves_the_mean_and_n_says_so() -> None:
    value = np.array([[0, 0, 0, 0], [1, 1, np.nan, np.nan], [2, 2, 2, np.nan]])
    drawn = group_line(np.arange(4.0), value, value, value, agg="mean", area="stddev")
    assert drawn.line.tolist() == [1, 1, 1, 0]
    assert drawn.n.tolist() == [3, 3, 2, 1]
    assert np.isnan(drawn.low).tolist() == [False, False, False, True]


def test_cells_that_no_run_of_the_group_has_are_not_drawn() -> None:
    value = np.array([[np.nan, 1, np.nan], [np.nan, 3, np.nan]])
    drawn = group_line(np.arange(3.0), value, value, value, agg="mean", area="each")
    assert (drawn.x.tolist(), drawn.line.tolist(), drawn.each.tolist()) == ([1], [2], [[1], [3]])


@pytest.mark.parametrize("agg", LINES)
@pytest.mark.parametrize("area", BANDS)
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 2)])
def test_a_group_without_values_draws_nothing(agg: str, area: str, shape: tuple[int, int]) -> None:
    value = np.full(shape, np.nan)
    drawn = group_line(np.arange(float(shape[1])), value, value, value, agg=agg, area=area)
    assert drawn.x.size == drawn.line.size == drawn.low.size == drawn.n.size == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("agg", LINES)
@pytest.mark.parametrize("area", BANDS)
def test_the_largest_floats_end_in_gaps_not_in_errors(agg: str, area: str) -> None:
    one_cell([1.7e308, -1.7e308, 1.0], agg=agg, area=area)


def test_the_quantile_of_t_is_that_of_printed_tables() -> None:
    table = {1: 12.7062, 2: 4.3027, 4: 2.7764, 9: 2.2622, 29: 2.0452, 120: 1.9799}
    assert t_975(np.array(list(table))) == pytest.approx(list(table.values()), abs=5e-5)


def test_the_quantile_of_t_is_scipys_to_nine_digits() -> None:
    stats = pytest.importorskip("scipy.stats")
    freedom = np.concatenate([np.arange(1, 1000), [9_999, 99_999]])
    assert t_975(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)
