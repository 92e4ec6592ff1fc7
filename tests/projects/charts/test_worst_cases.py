"""Histories as nobody would wish them, from the lines to the store's answer and to the figure that the page gets."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from django.test import Client

from projects.models import Project
from runs import ingest
from runs.columns import column_id
from runs.history import store
from runs.ingest import Lines, RunChange, StreamRequest
from runs.models import HistoryChunk, Run, Scope
from tests.factories import log_run, make_project, make_user
from tests.projects.charts.curves import decoded
from tests.runs.history import plainly

pytestmark = pytest.mark.django_db

Curve = Sequence[tuple[int, float]]  # one run's (step, value), as logged


def noise(seed: int, steps: Sequence[int]) -> Curve:
    rng = random.Random(seed)
    return [(step, rng.gauss(0, 1)) for step in steps]


def shuffled(steps: Sequence[int]) -> list[int]:
    return random.Random(7).sample(steps, len(steps))


# Steps of a run. Some are drawn as they are, some from buckets.
STEPS: dict[str, Sequence[int]] = {
    "a gap of millions of steps": [*range(3000), *range(5_000_000, 5_003_000)],
    "bursts with a gap before each": [burst * 40_000_000 + step for burst in range(50) for step in range(40)],
    "every 1,000th step": range(0, 60_000, 1000),
    "every 1,000th step, for long": range(0, 3_000_000, 1000),
    "out of order": shuffled(range(1500)),
    "out of order, for long": shuffled(range(7000)),
    "each step three times": [step for step in range(400) for _ in range(3)],
    "each step three times, for long": [step for step in range(3000) for _ in range(3)],
    "back to the beginning again and again": [*range(900)] * 4,
    "below zero": range(-6000, 0),
}


@pytest.fixture
def project() -> Project:
    return make_project(make_user("ada"))


@pytest.fixture
def figure(client: Client, project: Project) -> Callable[..., dict[str, Any]]:
    """The figure of a metric, grouped by arm, as its owner gets it."""
    client.force_login(project.entity.owner)

    def get(metric: str = "loss", **query: object) -> dict[str, Any]:
        asked = urlencode({"metric": metric, "group": "config.arm", **query})
        response = client.get(f"/ada/{project.name}/line-plot?{asked}")
        assert response.status_code == 200, response.content
        return response.json()

    return get


def log(project: Project, name: str, curve: Curve, *, request: int = 1000, **also: float) -> Run:
    """A finished run in the one group there is; `also` is in each line, too."""
    lines = [json.dumps({"_step": step, "loss": value} | also) for step, value in curve]
    key = start(project, name).id
    for offset in range(0, len(lines), request):
        said = StreamRequest(history=Lines(offset=offset, lines=lines[offset : offset + request]))
        ingest.stream_accept(run_id=key, writer="", request=said)
    return ingest.stream_accept(run_id=key, writer="", request=StreamRequest(complete=True))


def start(project: Project, name: str) -> Run:
    change = RunChange(display_name=name, config={"arm": 1})
    return ingest.run_upsert(project_id=project.id, name=name, user_name="ada", starts=True, change=change).run


def read(runs: Sequence[Run], metric: str = "loss", **asked: Any) -> store.Points | store.Cells:
    column = column_id(runs[0].project_id, Scope.HISTORY, metric)
    return store.read(column_id=column, run_ids=[run.id for run in runs], **asked)


def mean_line(curves: Sequence[Curve], width: int) -> tuple[list[float], list[float]]:
    """Middles of bins, and the mean over runs of each run's mean in the bin."""
    found: dict[int, list[float]] = defaultdict(list)
    for curve in curves:
        own: dict[int, list[float]] = defaultdict(list)
        for step, value in curve:
            own[step // width].append(value)
        for at, values in own.items():
            found[at].append(float(np.mean(values)))
    places = sorted(found)
    return [at * width + (width - 1) / 2 for at in places], [float(np.mean(found[at])) for at in places]


def check(made: dict[str, Any], curves: Sequence[Curve], runs: int | None = None) -> None:
    """The figure's line is that of the curves; `runs` of the group have any points."""
    width = 1 if made["meta"]["exact"] else int(made["meta"]["width"])
    x, y = mean_line(curves, width)
    (line,) = [trace for trace in made["data"] if trace["meta"]["role"] == "line"]
    drawn_x, drawn_y = decoded(line["x"]), decoded(line["y"])
    there = np.isfinite(drawn_y)  # a gap is drawn as one
    assert drawn_x[there].tolist() == x
    assert drawn_y[there] == pytest.approx(y, rel=1e-6, abs=1e-6)
    of = len(curves) if runs is None else runs
    assert f"{len(curves)} of {of} runs" in made["meta"]["header"]


@pytest.mark.parametrize("name", STEPS)
def test_the_store_answers_with_every_point(project: Project, name: str) -> None:
    curves = [noise(seed, STEPS[name]) for seed in range(2)]
    runs = [log(project, f"run-{seed}", curve) for seed, curve in enumerate(curves)]
    exact = read(runs, exact_below=10**6)
    assert isinstance(exact, store.Points)
    ordered = [sorted(curve, key=lambda point: point[0]) for curve in curves]
    assert exact.x.tolist() == [step for curve in ordered for step, _ in curve]
    assert plainly.bits(exact.y) == plainly.bits([value for curve in ordered for _, value in curve])
    low, high = (ordered[0][len(ordered[0]) * part // 3][0] for part in (1, 2))
    for asked in ({"cells": 7}, {"cells": 300}, {"cells": 300, "lo": low, "hi": high}):
        cells = read(runs, exact_below=1, **asked)
        assert isinstance(cells, store.Cells)
        for place, curve in enumerate(ordered):
            slow = plainly.cells(list(curve), cells.start, cells.width, cells.count.shape[1])
            assert cells.count[place].tolist() == slow["count"]
            np.testing.assert_array_equal(cells.low[place], slow["low"])
            np.testing.assert_array_equal(cells.high[place], slow["high"])
            np.testing.assert_allclose(cells.total[place], slow["total"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", STEPS)
def test_the_figure_is_drawn_from_every_point(project: Project, figure: Callable[..., Any], name: str) -> None:
    curves = [noise(seed, STEPS[name]) for seed in range(2)]
    for seed, curve in enumerate(curves):
        log(project, f"run-{seed}", curve)
    check(figure(), curves)
    low = sorted(STEPS[name])[len(STEPS[name]) * 2 // 3]
    inside = [[point for point in curve if low <= point[0] <= low + 50] for curve in curves]
    made = figure(lo=low, hi=low + 50)
    assert made["meta"]["exact"]
    check(made, inside)


def test_one_damaged_chunk_among_many_costs_its_own_points_only(
    project: Project, figure: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    curves = [noise(seed, range(40_000)) for seed in range(3)]
    runs = [log(project, f"run-{seed}", curve) for seed, curve in enumerate(curves)]
    before = figure()
    column = column_id(project.id, Scope.HISTORY, "loss")
    chunks = HistoryChunk.objects.filter(run=runs[0], column_id=column).order_by("first_line")
    first = chunks[0]
    assert len(chunks) > 2
    HistoryChunk.objects.filter(pk=first.pk).update(data=b"nothing")
    check(figure(lo=100, hi=150), [curve[100:151] for curve in curves[1:]], runs=3)
    assert str(runs[0].id) in caplog.text
    check(figure(lo=39_000, hi=39_050), [curve[39_000:39_051] for curve in curves])
    exact = read(runs, exact_below=10**6)
    assert isinstance(exact, store.Points)
    assert np.diff(exact.offsets).tolist() == [40_000 - first.count, 40_000, 40_000]
    # What is drawn from rollups does not need the chunk. (The address differs, so that nothing is remembered.)
    assert figure(page=2)["data"] == before["data"]


def test_thousands_of_metrics_in_one_run_are_found_one_by_one(project: Project, figure: Callable[..., Any]) -> None:
    names = [f"layer.{place}/norm" for place in range(3000)]
    rows = [{name: place + step / 8 for place, name in enumerate(names)} for step in range(4)]
    run = log_run(project, "wide", rows, config={"arm": 1})
    for place in (0, 1500, 2999):
        points = read([run], names[place])
        assert isinstance(points, store.Points)
        assert points.y.tolist() == [place + step / 8 for step in range(4)]
        check(figure(names[place]), [[(step, place + step / 8) for step in range(4)]])
    assert store.keys(run=run, stream="history") == {*names, "_step"}


def test_a_metric_logged_at_few_steps_is_drawn_at_those(project: Project, figure: Callable[..., Any]) -> None:
    rows = [{"loss": 1.0} | ({"val": step / 1000} if step % 1000 == 0 else {}) for step in range(9000)]
    run = log_run(project, "sparse", rows, config={"arm": 1})
    points = read([run], "val")
    assert isinstance(points, store.Points)
    assert (points.x.tolist(), points.y.tolist()) == ([1000 * at for at in range(9)], [*range(9)])
    check(figure("val"), [[(1000 * at, at) for at in range(9)]])


@pytest.mark.parametrize("steps", [60, 6000])
def test_a_resumed_run_is_one_line(project: Project, figure: Callable[..., Any], steps: int) -> None:
    curve = noise(1, range(steps))
    run = log(project, "resumed", curve[: steps // 2])
    start(project, "resumed")
    # The first request says again what the last one said before the run was cut off.
    offset = steps // 2 - 5
    lines = [json.dumps({"_step": step, "loss": value}) for step, value in curve[offset:]]
    said = StreamRequest(history=Lines(offset=offset, lines=lines), complete=True)
    ingest.stream_accept(run_id=run.id, writer="", request=said)
    points = read([run], exact_below=10**6)
    assert isinstance(points, store.Points)
    assert [*zip(points.x.tolist(), points.y.tolist(), strict=True)] == curve
    check(figure(), [curve])


@pytest.mark.parametrize("steps", [60, 6000])
def test_a_rewound_run_has_only_what_it_logged_last(project: Project, figure: Callable[..., Any], steps: int) -> None:
    first, second = noise(1, range(steps)), noise(2, range(steps // 3, steps))
    run = log(project, "rewound", first)
    start(project, "rewound")
    ingest.run_rewind(run_id=run.id, after_step=steps // 3 - 1)
    kept = first[: steps // 3]
    check(figure(), [kept])
    lines = [json.dumps({"_step": step, "loss": value}) for step, value in second]
    said = StreamRequest(history=Lines(offset=len(kept), lines=lines), complete=True)
    ingest.stream_accept(run_id=run.id, writer="", request=said)
    points = read([run], exact_below=10**6)
    assert isinstance(points, store.Points)
    assert [*zip(points.x.tolist(), points.y.tolist(), strict=True)] == [*kept, *second]
    check(figure(), [[*kept, *second]])
