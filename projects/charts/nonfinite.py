"""Where runs logged NaN or ±inf: statistics leave these points out, charts mark them. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from projects.charts.align import LARGEST_X, Aligned, Batches

if TYPE_CHECKING:
    from runs.history.store import Cells

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Marks:
    """Of one group: in the cell at `x`, `runs` of them have points that are not finite."""

    x: Floats  # (marks,), ascending
    runs: Counts


@dataclass(frozen=True, slots=True)
class NonFinite:
    """One entry for each run and cell that has such points. `points`: how many."""

    run: Counts  # (entries,) places among the runs of the Aligned
    x: Floats  # where the cell stands
    points: Counts

    def where(self, shown: NDArray[np.bool_]) -> NonFinite:
        return NonFinite(self.run[shown], self.x[shown], self.points[shown])

    def marks(self, rows: slice | Counts) -> Marks:
        """Those of the runs at `rows`."""
        if not self.run.size:
            return Marks(self.x, self.run)
        places = np.arange(int(self.run.max()) + 1)
        mine = np.isin(self.run, places[rows] if isinstance(rows, slice) else rows)
        return Marks(*np.unique(self.x[mine], return_counts=True))


def of_points(batches: Batches, aligned: Aligned) -> NonFinite:
    """Of what was aligned (see align.align_batches)."""
    if not aligned.nonfinite.any():
        return _none()
    runs, xs = [], []
    for part, points in batches:
        at = np.flatnonzero(~np.isfinite(points.y) & (np.abs(points.x) < LARGEST_X))
        runs.append(part.start + np.searchsorted(points.offsets, at, side="right") - 1)
        xs.append(_stands(points.x[at], aligned))
    run = np.concatenate(runs)
    return _entries(run, np.concatenate(xs), np.ones(run.size, dtype=np.int64))


def of_cells(cells: Cells, aligned: Aligned) -> NonFinite:
    if not aligned.nonfinite.any():
        return _none()
    run, bucket = np.nonzero(cells.nonfinite)
    middle = cells.start + (bucket.astype(np.float64) + 0.5) * cells.width - 0.5
    # Without any finite value there is nothing to stand with.
    x = _stands(middle, aligned) if aligned.x.size else middle
    return _entries(run, x, cells.nonfinite[run, bucket])


def _stands(x: Floats, aligned: Aligned) -> Floats:
    """Where the cells stand that hold these x. Every logged x is in one."""
    if aligned.width is None:
        return x
    cell = np.floor((x - aligned.x[0]) / aligned.width + 0.5).astype(np.int64)
    stands: Floats = aligned.x[np.clip(cell, 0, aligned.x.size - 1)]
    return stands


def _entries(run: Counts, x: Floats, points: Counts) -> NonFinite:
    order = np.lexsort((x, run))
    run, x, points = run[order], x[order], points[order]
    starts = np.flatnonzero((np.diff(run, prepend=-1) != 0) | (np.diff(x, prepend=np.nan) != 0))
    return NonFinite(run[starts], x[starts], np.add.reduceat(points, starts) if starts.size else points)


def _none() -> NonFinite:
    return NonFinite(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64))
