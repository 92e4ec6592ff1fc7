"""Smoothing of each run by itself, before any grouping: line and band are then taken of smoothed runs. Pure numpy.

A run's points are its cells that have a value, one after the other: cells without one neither count nor are filled.
Every smoothed value is an average of the run's own points with weights ≥ 0, so it stays within their range, and a run
that is constant stays so to the last bit. The ends of a run's points in a bin are smoothed like their mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from projects.charts.align import Aligned

Floats = NDArray[np.float64]

NEGLIGIBLE = 1e-6
REACH = 4  # standard deviations after which a Gaussian is cut


def reach(kind: str, weight: float) -> tuple[int, int]:
    """How many of a run's points before and after one count for it, those left out that weigh less than NEGLIGIBLE."""
    if kind == "none" or weight == 0:
        return 0, 0
    if kind.startswith("exponential"):
        return math.ceil(math.log(NEGLIGIBLE) / math.log(weight)), 0
    points = math.ceil(REACH * weight if kind == "gaussian" else weight)
    return points, points


def smooth(aligned: Aligned, kind: str, weight: float) -> Aligned:
    """`kind` is a key of line_plot.SMOOTHINGS, `weight` in its unit; "none" and 0 give back what came."""
    if kind == "none" or weight == 0 or not aligned.value.size:
        return aligned
    # A row is a run, its points first and in order; what follows them is nobody's and thrown away again.
    gap = np.isnan(aligned.value)
    order = np.argsort(gap, axis=1, kind="stable")
    count = np.count_nonzero(~gap, axis=1)
    order = order[:, : max(int(count.max()), 1)]
    mine = np.arange(order.shape[1]) < count[:, None]
    x = aligned.x[order]

    def smoothed(part: Floats) -> Floats:
        points = np.where(mine, np.take_along_axis(part, order, axis=1), 0)
        low = np.where(mine, points, np.inf).min(axis=1, keepdims=True)
        high = np.where(mine, points, -np.inf).max(axis=1, keepdims=True)
        # Rounding may carry an average past its own points.
        points = np.clip(SMOOTHERS[kind](x, points, mine, weight), low, high)
        result = np.full(part.shape, np.nan)
        np.put_along_axis(result, order, np.where(mine, points, np.nan), axis=1)
        return result

    value = smoothed(aligned.value)
    if aligned.low is aligned.value and aligned.high is aligned.value:
        return replace(aligned, value=value, low=value, high=value)
    low, high = smoothed(aligned.low), smoothed(aligned.high)
    return replace(aligned, value=np.clip(value, low, high), low=low, high=high)


Mine = NDArray[np.bool_]
Smoother = Callable[[Floats, Floats, Mine, float], Floats]  # x, points and which are a run's, all (runs, points)


def _exponential(x: Floats, points: Floats, mine: Mine, weight: float) -> Floats:
    """A point counts `weight` times as much as the one after it; weights add up to 1 from the first point on."""
    return _decaying(points, np.full((points.shape[0], points.shape[1] - 1), weight))


def _time_weighted(x: Floats, points: Floats, mine: Mine, weight: float) -> Floats:
    """As exponential, by distance in x instead of by number of points; the unit is the run's mean distance."""
    distance = np.where(mine[:, 1:], np.diff(x, axis=1), 0)
    total = distance.sum(axis=1, keepdims=True)
    mean = total / np.maximum(np.count_nonzero(mine[:, 1:], axis=1, keepdims=True), 1)
    return _decaying(points, weight ** (distance / np.where(mean > 0, mean, 1)))


def _decaying(points: Floats, decay: Floats) -> Floats:
    """`decay` (runs, points - 1) is how much everything before counts at the next point."""
    result = np.empty_like(points)
    result[:, 0] = points[:, 0]
    total = np.ones(points.shape[0])
    for at in range(1, points.shape[1]):
        total = total * decay[:, at - 1] + 1
        share = 1 / total
        result[:, at] = result[:, at - 1] * (1 - share) + points[:, at] * share
    return result


def _gaussian(x: Floats, points: Floats, mine: Mine, weight: float) -> Floats:
    """`weight` is the standard deviation, in points."""
    reach = math.ceil(REACH * weight)
    return _around(points, mine, np.exp(-((np.arange(-reach, reach + 1) / weight) ** 2) / 2))


def _average(x: Floats, points: Floats, mine: Mine, weight: float) -> Floats:
    """`weight`, rounded up, is how many points on either side."""
    return _around(points, mine, np.ones(2 * math.ceil(weight) + 1))


def _around(points: Floats, mine: Mine, kernel: Floats) -> Floats:
    """The average with the weights of `kernel` around each point; where the run ends, of what there is."""
    reach = kernel.size // 2
    kernel = kernel / kernel.sum()  # so that no sum exceeds the largest point

    def total(values: Floats) -> Floats:
        # Shift by shift: so the order of addition depends on the kernel alone, not on what other runs there are.
        sums, size = np.zeros_like(values), values.shape[1]
        for shift, share in zip(range(-reach, reach + 1), kernel.tolist(), strict=True):
            if abs(shift) < size:
                before, after = max(-shift, 0), max(shift, 0)
                sums[:, before : size - after] += share * values[:, after : size - before]
        return sums

    _, first, like = np.unique(mine.sum(axis=1), return_index=True, return_inverse=True)  # a length, its weights
    weights = total(mine[first].astype(np.float64))[like]
    return np.divide(total(points), weights, out=np.zeros_like(points), where=weights > 0)


SMOOTHERS: dict[str, Smoother] = {
    "exponentialTimeWeighted": _time_weighted,
    "exponential": _exponential,
    "gaussian": _gaussian,
    "average": _average,
}
