"""Points and Cells made by hand, and back again, in the slowest and plainest way."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence

import numpy as np

from runs.history.store import Cells, Points

Curve = Sequence[tuple[float, float]]  # one run: (x, y), x ascending


def points(curves: Sequence[Curve]) -> Points:
    flat = [point for curve in curves for point in curve]
    return Points(
        offsets=np.cumsum([0, *(len(curve) for curve in curves)], dtype=np.int64),
        x=np.array([x for x, _ in flat], dtype=np.float64),
        y=np.array([y for _, y in flat], dtype=np.float64),
    )


def cells(curves: Sequence[Curve], width: int) -> Cells:
    start = int(min(x for curve in curves for x, _ in curve) // width * width)
    stop = int(max(x for curve in curves for x, _ in curve)) + 1
    shape = (len(curves), -(-(stop - start) // width))
    count, nonfinite = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    total, low, high = np.zeros(shape), np.full(shape, np.nan), np.full(shape, np.nan)
    for run, curve in enumerate(curves):
        for x, y in curve:
            at = run, int(x - start) // width
            if not math.isfinite(y):
                nonfinite[at] += 1
                continue
            count[at] += 1
            total[at] += y
            low[at], high[at] = np.fmin(low[at], y), np.fmax(high[at], y)
    return Cells(start=start, width=width, count=count, total=total, low=low, high=high, nonfinite=nonfinite)


def decoded(array: dict[str, str]) -> np.ndarray:
    """A Plotly typed array as numpy."""
    values = np.frombuffer(base64.b64decode(array["bdata"]), dtype="<" + array["dtype"])
    return values.reshape([int(size) for size in array["shape"].split(",")]) if "shape" in array else values
