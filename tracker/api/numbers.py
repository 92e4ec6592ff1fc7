from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def finite(values: NDArray[np.float64]) -> list[float | None]:
    """As JSON has them: null in place of NaN and infinities."""
    return [value if math.isfinite(value) else None for value in values.tolist()]
