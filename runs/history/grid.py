"""Cells of many runs, filled from rollup rows and from points. Pure numpy, no database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.history import rollup
from runs.history.codec import Ints
from runs.history.rollup import Buckets, Rows
from runs.history.shapes import Cells


class Grid:
    """The buckets from step `start` up to `end` of so many runs, empty at first; `width` divides both."""

    def __init__(self, runs: int, start: int, end: int, width: int, *, spread: bool) -> None:
        self.start, self.end, self.width = start, end, width
        shape = runs, (end - start) // width
        self.count, self.nonfinite = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.total = np.zeros(shape)
        self.low = np.full(shape, np.nan) if spread else None
        self.high = np.full(shape, np.nan) if spread else None

    def put(self, runs: Ints, level: int, segment: int, rows: Rows) -> None:
        """Put one of `rows`, of a segment of a level as fine as the grid or finer, for each of the distinct `runs`.

        Of every segment and level of a run once, and before any points are added.
        """
        apart = self.width <= rollup.width(level) * rollup.SEGMENT  # no bucket has a part of another segment
        for mine, values, join, nothing in self._parts(rows):
            if mine is None:
                continue
            first, dense = rows.dense(values, nothing)
            first += segment * rollup.SEGMENT
            width = rollup.width(level)
            with np.errstate(over="ignore", invalid="ignore"):
                while width < self.width:
                    first, dense, width = first // 2, _halved(dense, first % 2, join), 2 * width
                first -= self.start // self.width
                begin, end = max(first, 0), min(first + dense.shape[1], mine.shape[1])
                if begin < end:
                    part = dense[:, begin - first : end - first]
                    mine[runs, begin:end] = part if apart else join(mine[runs, begin:end], part)

    def _parts(self, rows: Rows) -> Iterator[tuple[NDArray[Any] | None, NDArray[Any], np.ufunc, float]]:
        """What `rows` have: whose it is, values, how two are joined, and what is no value."""
        if len(rows.values) == 2:
            yield self.low, rows.values[0], np.fmin, np.nan
            yield self.high, rows.values[1], np.fmax, np.nan
            return
        yield self.total, rows.values[0], np.add, 0
        yield self.count, rows.count, np.add, 0
        if rows.nonfinite.any():
            yield self.nonfinite, rows.nonfinite, np.add, 0

    def add(self, run: int, buckets: Buckets) -> None:
        """To what is there; the buckets are as wide as the grid's and inside it."""
        if not len(buckets):
            return
        places = buckets.index - self.start // self.width
        begin, end = int(places[0]), int(places[-1]) + 1
        at = (run, slice(begin, end) if end - begin == len(places) else places)
        self.count[at] += buckets.count
        self.nonfinite[at] += buckets.nonfinite
        with np.errstate(over="ignore", invalid="ignore"):
            self.total[at] += buckets.total
        if self.low is not None and self.high is not None:
            self.low[at] = np.fmin(self.low[at], buckets.low)
            self.high[at] = np.fmax(self.high[at], buckets.high)

    def empty(self, runs: Sequence[int]) -> None:
        """Forget what these runs have."""
        self.count[runs] = self.nonfinite[runs] = 0
        self.total[runs] = 0.0
        if self.low is not None and self.high is not None:
            self.low[runs] = self.high[runs] = np.nan

    def most(self, buckets: slice) -> int:
        """How many points, finite or not, a run has at most in some of the buckets."""
        return int((self.count[:, buckets].sum(axis=1) + self.nonfinite[:, buckets].sum(axis=1)).max(initial=0))

    def cells(self) -> Cells:
        return Cells(self.start, self.width, self.count, self.total, self.low, self.high, self.nonfinite)


def _halved(values: NDArray[Any], odd: int, join: np.ufunc) -> NDArray[Any]:
    """Columns joined two by two, the first of them by itself if `odd`, and so the last if it is left alone."""
    pairs = (values.shape[1] - odd) // 2
    end = odd + 2 * pairs
    half = np.empty((values.shape[0], odd + pairs + (values.shape[1] - end)), values.dtype)
    half[:, :odd], half[:, odd + pairs :] = values[:, :odd], values[:, end:]
    join(values[:, odd:end:2], values[:, odd + 1 : end : 2], out=half[:, odd : odd + pairs])
    return half
