"""What becomes of the cells that not all runs of a group have, as when some ended early. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Parts = tuple[Floats, Floats, Floats]  # value, low and high of one group's runs, (runs, cells) as in align.Aligned


def settle(parts: Parts, *, how: str, logged: int, least: int) -> Parts:
    """`how` is a key of line_plot.EARLY_ENDS; `logged`: how many of the group's runs have the metric at all.

    A cell that fewer than `least` runs have (with "all": fewer than `logged`) is left to none of them.
    """
    if how == "carry":
        parts = _carried(parts)
    if how == "all":
        least = max(least, logged)
    if least <= 1:
        return parts
    few = np.count_nonzero(~np.isnan(parts[0]), axis=0) < least
    value, low, high = (np.where(few, np.nan, part) for part in parts)
    return value, low, high


def within(x: Floats, width: float | None, lo: float | None, hi: float | None) -> NDArray[np.bool_]:
    """Which cells, `width` wide around `x`, lie in lo ≤ x ≤ hi, if only in part."""
    half = (width or 0.0) / 2
    return (x + half >= (-np.inf if lo is None else lo)) & (x - half <= (np.inf if hi is None else hi))


def _carried(parts: Parts) -> Parts:
    """After its last value a run keeps it, up to where the last run of the group ends; it is a value, not a range."""
    value, low, high = parts
    has = ~np.isnan(value)
    if not has.any():
        return parts
    cells = np.arange(value.shape[1])
    last = np.where(has.any(axis=1), value.shape[1] - 1 - has[:, ::-1].argmax(axis=1), value.shape[1])
    ended = (cells > last[:, None]) & (cells <= np.flatnonzero(has.any(axis=0))[-1])
    kept = value[np.arange(value.shape[0]), np.minimum(last, value.shape[1] - 1)][:, None]
    return np.where(ended, kept, value), np.where(ended, kept, low), np.where(ended, kept, high)
