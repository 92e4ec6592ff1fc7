"""Numbers as Plotly's typed arrays: {"dtype", "bdata" (base64, little-endian), "shape"}, in which NaN is a gap."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

INTEGERS = ("i1", "u1", "i2", "u2", "i4", "u4")
FEW = 5000  # values that are kept whole: a chart of so few is small in any case
UNSEEN = 1e-6  # of the range drawn: a thousandth of a pixel
UNREAD = 1e-6  # of a number that is read to four digits


def typed(values: NDArray[Any], dtype: str = "") -> dict[str, str]:
    """Without a `dtype` the smallest that holds all values to the last bit."""
    dtype = dtype or _smallest(values)
    data = base64.b64encode(values.astype("<" + dtype).tobytes()).decode()
    shape = {} if values.ndim == 1 else {"shape": ", ".join(map(str, values.shape))}
    return {"dtype": dtype, "bdata": data} | shape


def drawn_dtype(parts: Sequence[Floats]) -> str:
    """For all that is drawn on one y axis: float32 where there is much of it and it moves nothing by a visible bit."""
    return narrow_dtype(parts) if sum(map(len, parts)) > FEW else "f8"


def narrow_dtype(parts: Sequence[Floats]) -> str:
    """The same, however little there is."""
    every = np.concatenate(parts)
    every = every[np.isfinite(every)]
    with np.errstate(over="ignore", under="ignore"):
        moved, seen = np.abs(every.astype("f4") - every), UNSEEN * np.ptp(every) if every.size else 0.0
    # Both are infinite where a range is too wide for float64.
    return "f4" if every.size and np.isfinite(moved).all() and moved.max() <= seen else "f8"


def told_dtype(values: Floats) -> str:
    """For numbers that are read: float32 where each of them is that to more digits than are shown."""
    finite = values[np.isfinite(values)]
    with np.errstate(over="ignore", under="ignore"):
        return "f4" if (np.abs(finite.astype("f4") - finite) <= UNREAD * np.abs(finite)).all() else "f8"


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """At most so many places out of `count`, as far apart as can be, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _smallest(values: NDArray[Any]) -> str:
    """NaN, infinities and fractions are no integers."""
    if not values.size:
        return INTEGERS[0]
    low, high = values.min(), values.max()
    if low >= -(2**31) and high < 2**32 and (values.dtype.kind in "iu" or (values == np.rint(values)).all()):
        for name in INTEGERS:
            if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
                return name
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = values.astype("f4")
        return "f4" if ((narrow == values) | (narrow != narrow)).all() else "f8"
