import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projects.charts.align import MAX_BINS, Aligned, align_batches, align_cells, align_points
from tests.projects.charts.curves import Curve, cells, points

VALUES = st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf, 0.1])
CURVES = st.lists(
    st.lists(st.tuples(st.integers(0, 5000), VALUES), max_size=40).map(lambda curve: sorted(curve, key=lambda p: p[0])),
    min_size=1,
    max_size=6,
)


def check_against_loops(aligned: Aligned, curves: list[Curve], steps: bool = True) -> None:
    """Every run and cell, recomputed from its points one by one."""
    shift = 0.5 if steps else 0.0
    for run, curve in enumerate(curves):
        finite = [(x, y) for x, y in curve if math.isfinite(y)]
        assert aligned.nonfinite[run] == len(curve) - len(finite)
        placed = 0
        for cell, x in enumerate(aligned.x):
            if aligned.exact:
                inside = [y for at, y in finite if at == x]
            else:
                low_edge = x + shift - aligned.width / 2
                inside = [y for at, y in finite if low_edge <= at < low_edge + aligned.width]
            placed += len(inside)
            if not inside:
                assert np.isnan([aligned.value[run, cell], aligned.low[run, cell], aligned.high[run, cell]]).all()
                continue
            assert aligned.value[run, cell] == pytest.approx(math.fsum(inside) / len(inside), rel=1e-9, abs=1e-8)
            assert (aligned.low[run, cell], aligned.high[run, cell]) == (min(inside), max(inside))
            assert aligned.low[run, cell] <= aligned.value[run, cell] <= aligned.high[run, cell]
        assert placed == len(finite), "a point is in no cell, or in two"


@given(CURVES)
def test_points_land_in_the_cells_that_loops_put_them_in(curves: list[Curve]) -> None:
    aligned = align_points(points(curves), steps=True)
    check_against_loops(aligned, curves)
    assert (np.diff(aligned.x) > 0).all()


@given(CURVES)
def test_points_are_exact_when_the_longest_run_has_all_x(curves: list[Curve]) -> None:
    sets = [{x for x, _ in curve} for curve in curves]
    nested = len(set().union(*sets)) == max(len(xs) for xs in sets)
    aligned = align_points(points(curves), steps=True)
    assert aligned.exact == nested
    if nested:
        assert aligned.x.tolist() == sorted(set().union(*sets))


@given(CURVES, st.data())
def test_runs_in_batches_are_aligned_as_all_together(curves: list[Curve], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(curves) - 1))) if len(curves) > 1 else [])
    batches = [
        (slice(low, high), points(curves[low:high])) for low, high in zip([0, *cuts], [*cuts, len(curves)], strict=True)
    ]
    steps, how = data.draw(st.booleans()), data.draw(st.sampled_from(["auto", "bins", "exact"]))
    few = data.draw(st.sampled_from([3, 10, 100]))
    apart = align_batches(batches, len(curves), steps=steps, how=how, cells=few)
    whole = align_points(points(curves), steps=steps, how=how, cells=few)
    if steps:
        check_against_loops(apart, curves)
    assert (apart.exact, apart.width) == (whole.exact, whole.width)
    for one, other in ((apart.x, whole.x), (apart.value, whole.value), (apart.low, whole.low)):
        np.testing.assert_array_equal(one, other)


@given(CURVES.filter(any), st.sampled_from([1, 4, 16, 64]))
def test_cells_are_merged_as_loops_would(curves: list[Curve], width: int) -> None:
    aligned = align_cells(cells(curves, width))
    if aligned.x.size:
        assert not aligned.exact
        assert aligned.width % width == 0
        check_against_loops(aligned, curves)
    else:
        assert not any(math.isfinite(y) for curve in curves for _, y in curve)


@given(
    st.lists(st.lists(st.floats(0, 1e5), min_size=1, max_size=30).map(sorted), min_size=2, max_size=5),
    st.sampled_from([0.0, 1.7e9]),
)
@example([[0.0], [5e-324]], 0.0)
def test_times_fall_into_nice_bins(times: list[list[float]], origin: float) -> None:
    curves = [[(origin + x, float(i)) for i, x in enumerate(run)] for run in times]
    aligned = align_points(points(curves), steps=False)
    if not aligned.exact:
        assert float(f"{aligned.width:.0e}") == aligned.width
        assert int(f"{aligned.width:e}"[0]) in (1, 2, 5)
        assert aligned.x.size <= MAX_BINS + 1
    count = sum(len(run) for run in times)
    within = np.isfinite(aligned.value)
    assert within.any(axis=1).all()
    assert within.sum() <= count


def test_times_are_binned_to_multiples_of_the_width() -> None:
    curves = [[(0.5 + i, 1.0) for i in range(1000)], [(0.25 + i, 3.0) for i in range(1000)]]
    aligned = align_points(points(curves), steps=False)
    assert (aligned.width, aligned.exact) == (1.0, False)
    assert aligned.x[:3].tolist() == [0.5, 1.5, 2.5]
    check_against_loops(aligned, curves, steps=False)


def test_equal_grids_keep_their_x() -> None:
    aligned = align_points(points([[(0, 1), (10, 2), (25, 3)]] * 3), steps=True)
    assert aligned.exact
    assert aligned.width is None
    assert aligned.x.tolist() == [0, 10, 25]


def test_a_run_that_logs_every_tenth_step_keeps_the_exact_x_of_the_others() -> None:
    aligned = align_points(points([[(i, 0) for i in range(100)], [(i, 1) for i in range(0, 100, 10)]]), steps=True)
    assert aligned.exact
    assert np.flatnonzero(~np.isnan(aligned.value[1])).tolist() == list(range(0, 100, 10))


def test_a_value_that_is_not_finite_does_not_cost_the_exact_x() -> None:
    aligned = align_points(points([[(0, math.nan), (1, 1)], [(0, 1), (1, math.inf)]]), steps=True)
    assert aligned.exact
    assert aligned.x.tolist() == [0, 1]
    assert aligned.nonfinite.tolist() == [1, 1]


def test_more_x_than_a_chart_shows_are_binned() -> None:
    exact = align_points(points([[(i, 0) for i in range(2 * MAX_BINS)]]), steps=True)
    binned = align_points(points([[(i, 0) for i in range(2 * MAX_BINS + 1)]]), steps=True)
    assert (exact.exact, binned.exact) == (True, False)
    assert binned.width == 2
    assert binned.x[:2].tolist() == [0.5, 2.5]  # steps 0 and 1, 2 and 3


def test_runs_on_even_and_on_odd_steps_meet_in_every_bin() -> None:
    aligned = align_points(points([[(2 * i, 0) for i in range(200)], [(2 * i + 1, 1) for i in range(200)]]), steps=True)
    assert (aligned.exact, aligned.width) == (False, 2)
    assert aligned.value.mean(axis=0).tolist() == [0.5] * 200


@pytest.mark.parametrize("every", [1, 3, 10, 70, 120])
def test_a_dense_and_a_sparse_run_meet_in_every_bin(every: int) -> None:
    curves = [[(i, 0) for i in range(10_000)], [(i, 1) for i in range(0, 10_000, every)]]
    for aligned in (align_points(points(curves), steps=True), align_cells(cells(curves, 16))):
        both = np.flatnonzero(~np.isnan(aligned.value[1]))  # the last bin may begin after the sparse run's last point
        assert both.tolist() == list(range(both.size))
        assert both.size >= aligned.x.size - 1
        assert aligned.value[:, both].mean(axis=0).tolist() == [0.5] * both.size


def test_one_sparse_run_among_many_does_not_make_the_chart_coarse() -> None:
    dense = [[(i, 0) for i in range(5000)]] * 30
    aligned = align_cells(cells([*dense, [(0, 1), (4000, 1)]], 16))
    assert aligned.width == 16


def test_a_pause_in_a_run_does_not_make_the_chart_coarse() -> None:
    curve = [(i, 0) for i in range(5000) if not 1000 < i < 3000]
    assert align_cells(cells([curve, curve], 16)).width == 16


def test_few_points_at_random_times_get_few_bins() -> None:
    rng = np.random.default_rng(0)
    curves = [[(float(x), 1.0) for x in np.sort(rng.uniform(0, 1000, 10))] for _ in range(10)]
    assert align_points(points(curves), steps=False).x.size <= 11


def test_no_spike_is_lost_in_a_bin() -> None:
    curve = [(i, 1e6 if i == 1234 else 0.0) for i in range(5000)]
    for aligned in (align_points(points([curve]), steps=True), align_cells(cells([curve], 16))):
        assert np.nanmax(aligned.high) == 1e6
        assert np.nanmin(aligned.low) == 0


def test_a_constant_run_stays_constant_in_bins() -> None:
    curve = [(i, 0.1) for i in range(5000)]
    for aligned in (align_points(points([curve]), steps=True), align_cells(cells([curve], 16))):
        assert set(aligned.value.ravel().tolist()) == {0.1}


def test_points_of_one_step_become_their_mean() -> None:
    aligned = align_points(points([[(0, 1), (0, 2), (0, 6), (1, 5)]]), steps=True)
    assert (aligned.exact, aligned.x.tolist()) == (True, [0, 1])
    assert (aligned.value.tolist(), aligned.low.tolist(), aligned.high.tolist()) == ([[3, 5]], [[1, 5]], [[6, 5]])


def test_an_x_that_is_no_number_is_left_out_and_counted() -> None:
    aligned = align_points(points([[(-math.inf, 1), (0, 1), (math.inf, 1), (math.nan, math.nan)]]), steps=False)
    assert aligned.x.tolist() == [0]
    assert aligned.nonfinite.tolist() == [3]


@pytest.mark.parametrize("curves", [[], [[]], [[], []], [[(0, math.nan)]]])
def test_no_points_are_no_trouble(curves: list[Curve]) -> None:
    aligned = align_points(points(curves), steps=True)
    assert aligned.value.shape == (len(curves), aligned.x.size)
    assert not np.isfinite(aligned.value).any()
