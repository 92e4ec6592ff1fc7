"""The percentile bootstrap of a mean across runs: whole runs are drawn again, the same ones at every x. Pure numpy.

Who is drawn depends on the number of runs alone, so the same data have the same band whatever else is on the page.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 2000
SEED = 0
BLOCK = 250  # cells at once, which bounds memory: DRAWS x BLOCK means are 4 MB
ENDS = (0.025, 0.975)


def resamples(runs: int) -> Floats:
    """(DRAWS, runs): how often each run is drawn when `runs` are drawn of as many, with replacement."""
    # RandomState and not a Generator: its numbers are promised to stay the same in every version of numpy.
    drawn = np.random.RandomState(SEED).randint(runs, size=(DRAWS, runs), dtype=np.int64)
    place = drawn + np.arange(DRAWS)[:, None] * runs
    return np.bincount(place.ravel(), minlength=DRAWS * runs).reshape(DRAWS, runs).astype(np.float64)


def interval(value: Floats, has: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The 2.5 % and 97.5 % points of the means of all draws, linear between neighbours, each (cells,).

    `value` is (runs, cells) and 0 where a run `has` none. A draw's mean at a cell is of the drawn runs that have a
    value there; a draw that has none of them there is left out there.
    """
    some = has.any(axis=1)
    times = resamples(int(np.count_nonzero(some)))
    value, present = value[some], has[some].astype(np.float64)
    ends = np.empty((len(ENDS), value.shape[1]))
    for start in range(0, value.shape[1], BLOCK):
        block = slice(start, start + BLOCK)
        runs = times @ present[:, block]
        means = np.full(runs.shape, np.nan)
        np.divide(times @ value[:, block], runs, out=means, where=runs > 0)
        ends[:, block] = _percentiles(np.ascontiguousarray(means.T))
    return ends[0], ends[1]


def _percentiles(means: Floats) -> Floats:
    """`means` (cells, DRAWS), sorted in place, NaN last and not counted -> (ends, cells)."""
    means.sort(axis=1)
    last = np.maximum(np.count_nonzero(~np.isnan(means), axis=1) - 1, 0)
    cells = np.arange(means.shape[0])
    place = np.array(ENDS)[:, None] * last
    below = np.floor(place).astype(np.int64)
    lower, upper = means[cells, below], means[cells, np.minimum(below + 1, last)]
    percentiles: Floats = lower + (upper - lower) * (place - below)
    return percentiles
