"""What the history room is asked with and answers in. Import these from runs.history.store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class LinesRefused(ValueError):
    """The lines can never be stored (not a JSON object, a gap before them, a step no integer); the text says which."""


@dataclass(frozen=True, slots=True)
class Appended:
    added: int  # lines that were new
    lines: int  # lines stored now, of this writer
    last_step: int  # largest step among the new lines; -1 when there are none


@dataclass(frozen=True, slots=True)
class Points:
    """Every logged point in range: run i of the question has x[offsets[i]:offsets[i+1]], ascending, and y alike."""

    offsets: Counts  # (runs + 1,)
    x: Floats  # (points,)
    y: Floats  # (points,), non-finite values included


@dataclass(frozen=True, slots=True)
class Cells:
    """Buckets of `width` steps, shared by all runs: bucket j holds start + j·width ≤ step < start + (j+1)·width.

    `width` is a power of two and `start` a multiple of it. All arrays are (runs, buckets). Where `count` is 0, total is
    0 and low and high are NaN; they are None if nobody wanted them.
    """

    start: int
    width: int
    count: Counts  # finite points
    total: Floats  # their sum
    low: Floats | None
    high: Floats | None
    nonfinite: Counts
