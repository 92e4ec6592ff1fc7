"""Values for the cells of a run that lie between its own, and for no others. Pure numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from projects.charts.align import Aligned

FILLED = frozenset({"interpolate", "last"})


def fill(aligned: Aligned, how: str) -> Aligned:
    """`how` is a key of line_plot.ALIGNS: "interpolate" draws a straight line, "last" keeps the value before.

    Before its first and after its last value a run has none. What is filled in is a value, not a range.
    """
    if how not in FILLED or not aligned.value.size:
        return aligned
    value, x, cells = aligned.value, aligned.x, aligned.x.size
    has = ~np.isnan(value)
    before = np.maximum.accumulate(np.where(has, np.arange(cells), -1), axis=1)
    after = np.minimum.accumulate(np.where(has, np.arange(cells), cells)[:, ::-1], axis=1)[:, ::-1]
    run, cell = np.nonzero(~has & (before >= 0) & (after < cells))
    left, right = before[run, cell], after[run, cell]
    filled = value[run, left]
    if how == "interpolate":
        share, end = (x[cell] - x[left]) / (x[right] - x[left]), value[run, right]
        # Rounding may carry a point of the line past its ends.
        filled = np.clip(filled * (1 - share) + end * share, np.minimum(filled, end), np.maximum(filled, end))
    value, low, high = aligned.value.copy(), aligned.low.copy(), aligned.high.copy()
    value[run, cell] = low[run, cell] = high[run, cell] = filled
    return replace(aligned, value=value, low=low, high=high)
