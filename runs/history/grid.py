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
        """Add one of `rows`, of a segment of a level as fine as the grid or finer, for each of the distinct `runs`."""
        for mine, values, join, nothing in self._parts(rows):
            if mine is None:
                continue
            first, dense = rows.dense(values, nothing)
            first += segment * rollup.SEGMENT
            width = rollup.width(level)
            with np.errstate(over="ignore", invalid="ignore"):
                while width < self.width:
                    edges = (0, 0), (first % 2, (first + dense.shape[1]) % 2)
                    dense = np.pad(dense, edges, constant_values=nothing) if any(edges[1]) else dense
                    dense, first, width = join(dense[:, ::2], dense[:, 1::2]), first // 2, 2 * width
                first -= self.start // self.width
                begin, end = max(first, 0), min(first + dense.shape[1], mine.shape[1])
                if begin < end:
                    mine[runs, begin:end] = join(mine[runs, begin:end], dense[:, begin - first : end - first])

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

    def cells(self) -> Cells:
        return Cells(self.start, self.width, self.count, self.total, self.low, self.high, self.nonfinite)
