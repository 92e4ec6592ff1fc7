"""What a line plot draws, as rows."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from projects.charts.series import Drawing
from projects.charts.traces import Drawn
from projects.query.export import Scalar, Sheet, SheetColumn

COLUMNS = ("x", "value", "low", "high", "n")


def series_sheet(drawing: Drawing) -> Sheet:
    """A row for each group and x, line by line, and columns for metric and chart where there are several.

    `x` in the units of the axis (seconds for times), `low` and `high` the ends of the shading, `n` the runs; None for a
    number that isn't there.
    """
    several = {"group": True, "metric": len(drawing.metrics) > 1, "chart": bool(drawing.charts)}
    names = [name for name, there in several.items() if there]
    columns = (*map(SheetColumn, names), *(SheetColumn(name, numeric=True) for name in COLUMNS))
    return Sheet(columns, (_rows(drawing, part, names) for part in drawing.lines))


def _rows(drawing: Drawing, part: Drawn, names: list[str]) -> list[tuple[Scalar, ...]]:
    line = part.line
    known = {"group": part.group.label, "metric": part.metric, "chart": drawing.chart_of(part)}
    before: tuple[Scalar, ...] = tuple(known[name] for name in names)
    columns = map(_numbers, (line.x, line.line, line.low, line.high, line.n.astype(np.float64)))
    return [(*before, *row) for row in zip(*columns, strict=True)]


def _numbers(values: NDArray[np.float64]) -> Iterator[float | None]:
    return (None if math.isnan(value) else value for value in values.tolist())
