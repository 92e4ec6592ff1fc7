import math
import random

import numpy as np
import pytest

from projects.charts import nonfinite
from projects.charts.align import align_cells, align_points, whole
from tests.projects.charts.curves import Curve, cells, points

NAN, INF = math.nan, math.inf


def curves(runs: int, xs: list[float], seed: int) -> list[Curve]:
    rng = random.Random(seed)
    return [
        [(x, rng.choice([NAN, INF, -INF]) if rng.random() < 0.05 else rng.random()) for x in xs] for _ in range(runs)
    ]


def slow(found: list[Curve], rows: list[int], grid: np.ndarray) -> dict[float, int]:
    """x of the nearest cell -> how many of the runs have a point there that is not finite."""
    at: dict[float, set[int]] = {}
    for run in rows:
        for x, y in found[run]:
            if not math.isfinite(y):
                at.setdefault(float(grid[np.abs(grid - x).argmin()]), set()).add(run)
    return {x: len(runs) for x, runs in sorted(at.items())}


@pytest.mark.parametrize("steps", [50, 3000])
@pytest.mark.parametrize("how", ["auto", "bins"])
def test_marks_stand_in_the_cells_of_the_points_and_count_runs(steps: int, how: str) -> None:
    found = curves(5, [float(step) for step in range(steps)], seed=steps)
    series = points(found)
    aligned = align_points(series, steps=True, how=how)
    left_out = nonfinite.of_points(whole(series), aligned)
    assert left_out.points.sum() == aligned.nonfinite.sum()
    for rows in (slice(1, 4), np.array([4, 0])):
        marks = left_out.marks(rows)
        expected = slow(found, np.arange(5)[rows].tolist(), aligned.x)
        assert dict(zip(marks.x.tolist(), marks.runs.tolist(), strict=True)) == expected


def test_marks_of_times_stand_in_their_bins() -> None:
    rng = random.Random(4)
    found = [sorted((rng.uniform(0, 1000), NAN if rng.random() < 0.1 else 1.0) for _ in range(3000)) for _ in range(3)]
    series = points(found)
    aligned = align_points(series, steps=False)
    marks = nonfinite.of_points(whole(series), aligned).marks(slice(0, 3))
    expected = slow(found, [0, 1, 2], aligned.x)
    assert dict(zip(marks.x.tolist(), marks.runs.tolist(), strict=True)) == expected


@pytest.mark.parametrize("every", [1, 40])
def test_marks_from_rollups_are_those_of_the_points(every: int) -> None:
    """Also where buckets are merged, as runs that log seldom want."""
    found = curves(4, [float(step) for step in range(0, 6000, every)], seed=every)
    rolled = cells(found, 16)
    aligned = align_cells(rolled)
    left_out = nonfinite.of_cells(rolled, aligned)
    assert left_out.points.sum() == aligned.nonfinite.sum()
    marks = left_out.marks(slice(0, 4))
    assert dict(zip(marks.x.tolist(), marks.runs.tolist(), strict=True)) == slow(found, [0, 1, 2, 3], aligned.x)


def test_runs_without_any_finite_value_are_marked_too() -> None:
    nothing = [[(float(step), NAN) for step in range(64)]] * 2
    for left_out in (
        nonfinite.of_points(whole(points(nothing)), align_points(points(nothing), steps=True)),
        nonfinite.of_cells(cells(nothing, 16), align_cells(cells(nothing, 16))),
    ):
        assert left_out.points.sum() == 128
        assert set(left_out.marks(slice(0, 2)).runs.tolist()) == {2}


def test_where_all_is_finite_there_is_nothing_to_mark() -> None:
    fine = points([[(0, 1), (1, 2)]])
    assert nonfinite.of_points(whole(fine), align_points(fine, steps=True)).marks(slice(0, 1)).x.size == 0
