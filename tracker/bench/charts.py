"""A grouped chart, from the database to the answer, against numpy over the same points in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import orjson
from django.test import Client
from django.urls import reverse
from numpy.typing import NDArray

from projects.charts.line_plot import LinePlot
from projects.charts.series import Drawing, draw, line_plot
from projects.models import Project
from projects.query.grouping import RunGroup, run_groups
from projects.query.runset import CONFIG, Field, Runset
from runs.columns import column_id
from runs.history import store
from runs.models import Scope
from tracker.bench import data
from tracker.bench.measure import Measure, medians, seconds

PLOT = LinePlot(limit=data.GROUPS, group_agg="mean", group_area="stddev")
RUNSET = Runset(fields=(Field(CONFIG, data.ARM),), grouped=True)
PARTS = {
    "read": "database read",
    "aggregate": "align and aggregate",
    "figure": "figure and JSON",
    "together": "database to JSON",
    "request": "request to last byte",
}


def measure(runs: int, steps: int, *, repeat: int) -> list[Measure]:
    """Mean and standard deviation of up to 20 groups; of all steps, and of the 1 % in the middle."""
    owner = data.project(f"chart-{runs}x{steps}")
    points = data.noisy(runs, steps, seed=runs + steps)
    data.history_write(owner, points)
    data.settle()
    column = column_id(owner.id, Scope.HISTORY, data.METRIC)
    groups, _ = run_groups(owner, RUNSET, PLOT.limit, logged=store.logged(column_id=column))
    ids = [run for group in groups for run in sorted(group.run_ids)]
    low = steps // 2
    high = low + max(1, steps // 100) - 1
    drawing = _draw(owner, groups)
    client = Client(SERVER_NAME="localhost")
    client.force_login(data.user())
    taken = seconds(
        {
            "numpy": lambda: _numpy(points),
            "read": lambda: store.read(column_id=column, run_ids=ids),
            "draw": lambda: _draw(owner, groups),
            "figure": lambda: _figure(drawing),
            "together": lambda: _answer(owner, groups),
            "zoomed": lambda: _answer(owner, groups, low, high),
            "request": lambda: _request(client, owner),
        },
        repeat=repeat,
    )
    # Reading and aggregating are one call: what is not reading is the rest of it in the same round.
    taken["aggregate"] = [max(0.0, both - read) for both, read in zip(taken["draw"], taken["read"], strict=True)]
    median = medians(taken)
    case = f"{runs:,} runs × {steps:,} steps"
    numpy = "numpy mean, std, min, max in memory"
    size = len(_request(client, owner))
    return [
        *(Measure("chart", case, what, median[key], median["numpy"], "s", numpy) for key, what in PARTS.items()),
        Measure("chart", case, "zoomed to 1 %", median["zoomed"], median["together"], "s", "database to JSON, all"),
        Measure("chart", case, "answer, compressed", size, points.nbytes, "bytes", "raw points"),
    ]


def _numpy(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    return float(points.mean()), float(points.std()), float(points.min()), float(points.max())


def _draw(owner: Project, groups: Sequence[RunGroup], lo: float | None = None, hi: float | None = None) -> Drawing:
    return draw(
        project_id=owner.id,
        metric=data.METRIC,
        plot=PLOT,
        groups=groups,
        total_groups=len(groups),
        lo=lo,
        hi=hi,
        grouped=True,
    )


def _figure(drawing: Drawing) -> bytes:
    figure = line_plot(metric=data.METRIC, plot=PLOT, drawing=drawing)
    return orjson.dumps(figure, option=orjson.OPT_SERIALIZE_NUMPY)


def _answer(owner: Project, groups: Sequence[RunGroup], lo: float | None = None, hi: float | None = None) -> bytes:
    return _figure(_draw(owner, groups, lo, hi))


def _request(client: Client, owner: Project) -> bytes:
    """The whole of it: session, groups, figure, gzip."""
    query = {"metric": data.METRIC, "group": f"config.{data.ARM}", "settings": json.dumps(PLOT.to_spec())}
    url = reverse("line-plot", args=[data.USER, owner.name])
    response = client.get(url, query, headers={"Accept-Encoding": "gzip"})
    if response.status_code != 200:
        raise RuntimeError(f"the chart was answered with {response.status_code}: {response.content[:200]!r}")
    return bytes(response.content)
