"""The slow obvious way, to compare with: plain Python over the raw lines."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np


def flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and value and "_type" not in value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def points(lines: list[str], key: str, lo: float | None = None, hi: float | None = None) -> list[tuple[int, float]]:
    """(step, value), by step, then as logged."""
    found = []
    for line in lines:
        row = flat(json.loads(line))
        value = row.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.append((row["_step"], float(value)))
    found = [pair for pair in found if (lo is None or pair[0] >= lo) and (hi is None or pair[0] <= hi)]
    return sorted(found, key=lambda pair: pair[0])


def cells(found: list[tuple[int, float]], start: int, width: int, buckets: int) -> dict[str, list[float]]:
    """The fields of Cells for one run."""
    groups: list[list[float]] = [[] for _ in range(buckets)]
    for step, value in found:
        if 0 <= (step - start) // width < buckets:
            groups[(step - start) // width].append(value)
    finite = [[value for value in group if math.isfinite(value)] for group in groups]
    return {
        "count": [len(group) for group in finite],
        "total": [math.fsum(group) for group in finite],
        "size": [math.fsum(map(abs, group)) for group in finite],  # what the total's error is relative to
        "low": [min(group, default=math.nan) for group in finite],
        "high": [max(group, default=math.nan) for group in finite],
        "nonfinite": [len(group) - len(kept) for group, kept in zip(groups, finite, strict=True)],
    }


def bits(values: Any) -> list[int]:
    return np.asarray(values, dtype=np.float64).view(np.int64).tolist()
