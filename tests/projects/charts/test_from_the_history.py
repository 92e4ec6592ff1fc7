"""From lines as a client sends them to the figure, through the real store."""

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from django.db import transaction

from projects.charts.line_plot import LinePlot
from projects.charts.series import draw, line_plot
from projects.models import Project
from projects.query.grouping import RunGroup
from runs.history import store
from tests.factories import make_project, make_run
from tests.projects.charts.curves import decoded

pytestmark = pytest.mark.django_db


def log(project: Project, values_of_runs: Sequence[Sequence[float]]) -> RunGroup:
    """A group of new runs with one value a step, half a second apart."""
    ids = []
    for values in values_of_runs:
        run = make_run(project)
        lines = [
            json.dumps({"_step": step, "_runtime": step / 2, "_timestamp": 1.7e9 + step / 2, "loss": value})
            for step, value in enumerate(values)
        ]
        with transaction.atomic():
            store.append(run=run, stream="history", writer="", offset=0, lines=lines)
        ids.append(run.id)
    return RunGroup("g", "lr: 0.1", "#4269d0", tuple(ids))


def drawn(project: Project, group: RunGroup, *, lo: float | None = None, hi: float | None = None, **spec: Any) -> dict:
    plot = LinePlot.from_spec(spec)
    drawing = draw(
        project_id=project.id,
        metric="loss",
        plot=plot,
        groups=[group],
        total_groups=1,
        lo=lo,
        hi=hi,
        grouped=True,
    )
    made = line_plot(metric="loss", plot=plot, drawing=drawing)
    json.dumps(made, allow_nan=False)
    go.Figure(made["data"], made["layout"])
    return made


def noise(runs: int, steps: int) -> list[list[float]]:
    rng = random.Random(5)
    return [[rng.gauss(run, 1) for _ in range(steps)] for run in range(runs)]


def test_a_short_history_is_drawn_at_its_own_steps() -> None:
    project, values = make_project(), noise(4, 50)
    made = drawn(project, log(project, values))
    band, line = made["data"]
    mean, deviation = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
    assert made["meta"]["header"] == "mean ± std dev · 4 of 4 runs"
    assert decoded(line["x"]).tolist() == list(range(50))
    assert decoded(line["y"]) == pytest.approx(mean)
    assert decoded(band["y"]) == pytest.approx(np.concatenate([mean + deviation, (mean - deviation)[::-1]]), abs=1e-6)


@pytest.mark.parametrize("steps", [2500, 9000])
def test_a_long_history_is_drawn_from_every_point_of_it(steps: int) -> None:
    project, values = make_project(), noise(3, steps)
    made = drawn(project, log(project, values))
    width = int(made["meta"]["width"])
    assert made["meta"]["header"] == "mean ± std dev · 3 of 3 runs · binned"
    bins = [[np.mean(run[start : start + width]) for run in values] for start in range(0, steps, width)]
    line = made["data"][-1]
    assert decoded(line["x"]).tolist() == [start + (width - 1) / 2 for start in range(0, steps, width)]
    assert decoded(line["y"]) == pytest.approx(np.mean(bins, axis=1), rel=1e-9)
    spread = np.std(bins, axis=1, ddof=1)
    assert decoded(made["data"][0]["y"])[: len(bins)] == pytest.approx(np.mean(bins, axis=1) + spread, rel=1e-6)


@pytest.mark.parametrize("steps", [2500, 12_000, 70_000])
def test_a_spike_is_the_end_of_the_band_however_long_the_history(steps: int) -> None:
    project, values = make_project(), noise(2, steps)
    values[0][steps // 3], values[1][steps // 2] = 1e6, -1e6
    band = drawn(project, log(project, values), groupArea="minmax")["data"][0]
    assert (decoded(band["y"]).max(), decoded(band["y"]).min()) == (1e6, -1e6)


def test_a_zoom_shows_the_steps_themselves() -> None:
    project, values = make_project(), noise(3, 6000)
    made = drawn(project, log(project, values), lo=3000, hi=3100)
    assert made["meta"]["exact"]
    assert decoded(made["data"][-1]["x"]).tolist() == list(range(3000, 3101))
    assert decoded(made["data"][-1]["y"]) == pytest.approx(np.mean([run[3000:3101] for run in values], axis=0))


@pytest.mark.parametrize(
    ("axis", "origin", "unit"), [("_runtime", 0, 1), ("_absolute_runtime", 0, 1), ("_timestamp", 1.7e9, 1000)]
)
def test_times_are_an_axis_too(axis: str, origin: float, unit: int) -> None:
    project, values = make_project(), noise(2, 40)
    line = drawn(project, log(project, values), xAxis=axis)["data"][-1]
    assert decoded(line["x"]).tolist() == [(origin + step / 2) * unit for step in range(40)]
    assert decoded(line["y"]) == pytest.approx(np.mean(values, axis=0))


def test_what_is_not_finite_is_counted_through_rollups() -> None:
    values = noise(2, 5000)
    values[0][7] = float("nan")
    values[1][4000] = float("-inf")
    project = make_project()
    made = drawn(project, log(project, values))
    assert made["meta"]["nonfiniteText"] == "2 values left out (NaN or infinite)"
    assert np.isfinite(decoded(made["data"][-1]["y"])).all()


def test_a_metric_nobody_logged_is_an_empty_chart() -> None:
    project = make_project()
    assert drawn(project, RunGroup("g", "none", "#4269d0", (make_run(project).id,)))["meta"]["empty"]
