"""Grouped charts, from the database to the answer, against numpy over the same points in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import orjson
from django.test import Client
from django.urls import reverse

from projects.charts.line_plot import LinePlot
from projects.charts.series import draw, line_plot
from projects.models import Project
from projects.query.grouping import RunGroup, run_groups
from projects.query.runset import CONFIG, Field, Runset
from runs.columns import column_id
from runs.history import store
from runs.models import Scope
from tracker.bench import data, fresh, server
from tracker.bench.bars import SHORTER
from tracker.bench.data import Curves
from tracker.bench.measure import Laps, Measure, medians, seconds
from tracker.bench.queries import Queries

PLOT = LinePlot(limit=data.GROUPS, group_agg="mean", group_area="stddev")
RUNSET = Runset(fields=(Field(CONFIG, data.ARM),), grouped=True)
# More points than this are not made for the limit, nor read one by one.
_MANY = 20_000_000
_SOME = 2_000_000  # what a chart by another x than the step holds of them together is of interest from here on
_SHORT = 10_000
_NUMPY = "numpy mean, std, min, max in memory"
_PARTS = {
    "database": "database read",
    "decode": "decode",
    "aggregate": "align and aggregate",
    "figure": "figure and JSON",
    "together": "database to JSON",
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of 20 groups that can be asked for."""

    owner: Project
    groups: Sequence[RunGroup]
    client: Client

    @classmethod
    def of(cls, owner: Project) -> Chart:
        logged = store.logged(column_id=column_id(owner.id, Scope.HISTORY, data.METRIC))
        return cls(owner, run_groups(owner, RUNSET, PLOT.limit, logged=logged)[0], server.signed_in())

    def answer(self, plot: LinePlot = PLOT, lo: float | None = None, hi: float | None = None) -> Laps:
        """Its JSON is made and dropped. Laps: reading, aligning and aggregating, the figure's JSON."""
        reads: list[float] = []
        with _reading(lambda: _lap(reads)), store.snapshot():
            start = time.perf_counter()
            drawing = draw(
                project_id=self.owner.id,
                metric=data.METRIC,
                plot=plot,
                groups=self.groups,
                total_groups=len(self.groups),
                lo=lo,
                hi=hi,
                grouped=True,
            )
            drawn = time.perf_counter()
            figure = line_plot(metric=data.METRIC, plot=plot, drawing=drawing)
            orjson.dumps(figure, option=orjson.OPT_SERIALIZE_NUMPY)
            end = time.perf_counter()
        return Laps(read=sum(reads), aggregate=drawn - start - sum(reads), figure=end - drawn)

    def get(self) -> bytes:
        """The whole of it: session, groups, figure, gzip."""
        return server.get(self.client, self.address())

    def address(self, plot: LinePlot = PLOT) -> str:
        query = {"metric": data.METRIC, "group": f"config.{data.ARM}", "settings": json.dumps(plot.to_spec())}
        return f"{reverse('line-plot', args=[data.USER, self.owner.name])}?{urlencode(query)}"


def measure(runs: int, steps: int, *, repeat: int, visits: int) -> list[Measure]:
    """Mean and standard deviation of up to 20 groups, in parts, whole and zoomed; the first of a process and later."""
    curves = Curves.of(runs, steps)
    owner = data.project(_name(runs, steps))
    few = curves.size <= _MANY
    data.history_write(owner, curves, clocks=few)
    data.settle()
    chart = Chart.of(owner)
    width = max(1, steps // 100)
    zooms = [(low, low + width - 1) for low in (0, (steps - width) // 2, steps - width)]
    minmax = LinePlot(limit=data.GROUPS, group_agg="mean", group_area="minmax")
    by_time = LinePlot(limit=data.GROUPS, group_agg="mean", group_area="stddev", x_axis="_runtime")
    functions: dict[str, Callable[[], object]] = {
        "numpy": _numpy(curves),
        **_whole(chart),
        **{f"zoom-{at}": partial(chart.answer, PLOT, *zoom) for at, zoom in enumerate(zooms)},
        "minmax": partial(chart.answer, minmax),
    }
    if few:
        functions["runtime"] = partial(chart.answer, by_time)
    shorter = Project.objects.filter(name=_name(runs, _SHORT)).first() if steps > _SHORT else None
    if shorter:
        functions["shorter"] = Chart.of(shorter).answer
    taken = seconds(functions, repeat=repeat)
    median = _with_decode(taken)
    case = f"{runs:,} runs × {steps:,} steps"
    limit = median["numpy.all"]
    size = len(chart.get())
    zoomed = max(median[f"zoom-{at}"] for at in range(len(zooms)))
    found = [
        *(Measure("chart", case, what, median[key], limit, "s", _NUMPY) for key, what in _PARTS.items()),
        Measure("chart", case, "request to last byte", median["request"], limit, "s", _NUMPY),
        Measure("chart", case, "answer, compressed", size, 8 * curves.size, "bytes", "raw points"),
        Measure("chart", case, "zoomed to 1 %", zoomed, median["together"], "s", "database to JSON, all"),
        Measure("chart", case, "min–max shading", median["minmax"], median["together"], "s", "database to JSON, all"),
    ]
    if few:
        found.append(Measure("chart", case, "x = _runtime", median["runtime"], limit, "s", _NUMPY))
    if shorter:
        found.append(
            Measure("chart", case, SHORTER, median["together"], median["shorter"], "s", "database to JSON, both")
        )
    visited = fresh.pages(chart.address(), repeat=repeat, times=visits)
    first = Measure("chart", case, "first request", visited.first, visited.later, "s", "the same process's later ones")
    memory = visited.memory(case)
    if few and curves.size > _SOME:
        memory += fresh.pages(chart.address(by_time), repeat=1, times=1).memory(f"{case}, x = _runtime")
    return [*found, first, *memory]


def growing(runs: int, lines: int, *, repeat: int) -> list[Measure]:
    """Runs that go on and send 20 lines at a time, nothing of which may be sealed yet."""
    curves = Curves.of(runs, lines)
    owner = data.project(f"growing-{runs}x{lines}")
    data.history_write(owner, curves, clocks=True, request=20, complete=False)
    data.settle()
    chart = Chart.of(owner)
    taken = seconds({"numpy": _numpy(curves), **_whole(chart)}, repeat=repeat)
    median = _with_decode(taken)
    case = f"{runs:,} growing runs × {lines:,} lines"
    asked = _PARTS | {"request": "request to last byte"}
    return [Measure("chart", case, what, median[key], median["numpy.all"], "s", _NUMPY) for key, what in asked.items()]


def _name(runs: int, steps: int) -> str:
    return f"chart-{runs}x{steps}"


def _whole(chart: Chart) -> dict[str, Callable[[], object]]:
    """The chart of all steps: its bare queries, database to JSON, and a whole request."""
    queries = Queries()
    with _reading(queries.recording):
        chart.answer()
    return {"database": queries.run, "together": chart.answer, "request": chart.get}


def _with_decode(taken: dict[str, list[float]]) -> dict[str, float]:
    """Medians; decoding is what reading takes longer than its bare queries in the same round."""
    read, bare = taken["together.read"], taken["database"]
    taken["decode"] = [max(0.0, all_of_it - part) for all_of_it, part in zip(read, bare, strict=True)]
    median = medians(taken)
    return median | {lap: median[f"together.{lap}"] for lap in ("aggregate", "figure")}


@contextmanager
def _reading(around: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Every read of the history meanwhile is done inside of `around`."""
    read = store.read

    def inside(**asked: Any) -> store.Points | store.Cells:
        with around():
            return read(**asked)

    with patch.object(store, "read", inside):
        yield


@contextmanager
def _lap(taken: list[float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    taken.append(time.perf_counter() - start)


def _numpy(curves: Curves) -> Callable[[], object]:
    """The statistics of all points; of so many that they are not made, those that differ in place of their copies."""
    points = curves.values
    if curves.size <= _MANY:
        points = points[[curves.source(run) for run in range(curves.runs)]]
    times = curves.size / points.size

    def calculate() -> Laps:
        start = time.perf_counter()
        points.mean(), points.std(), points.min(), points.max()
        return Laps(all=(time.perf_counter() - start) * times)

    return calculate
