import json
import random
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from projects.charts import series
from projects.charts.line_plot import LinePlot
from projects.query.grouping import RunGroup
from runs.columns import column_id
from runs.history.store import Cells, Points
from tests.projects.charts.curves import Curve, cells, decoded, points

PROJECT = uuid.UUID(int=7)


class History:
    """A store that answers from curves by run, as the history's contract says."""

    def __init__(self, curves: dict[uuid.UUID, Curve], width: int | None = None) -> None:
        self.curves, self.width = curves, width
        self.asked: list[dict[str, Any]] = []

    def paired(self, **question: Any) -> list[tuple[slice, Points]]:
        found = self.read(**question)
        assert isinstance(found, Points)
        return [(slice(0, len(question["run_ids"])), found)]

    def read(self, *, run_ids: Sequence[uuid.UUID], **question: Any) -> Points | Cells:
        self.asked.append(question)
        lo, hi = question["lo"], question["hi"]
        asked = [
            [(x, y) for x, y in self.curves[run] if (lo is None or lo <= x) and (hi is None or x <= hi)]
            for run in run_ids
        ]
        return points(asked) if self.width is None else cells(asked, self.width)

    @property
    def logged(self) -> set[uuid.UUID]:
        return {run for run, curve in self.curves.items() if curve}


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch):
    """Puts runs 0, 1, … in place of what is stored, one for each curve given."""

    def keep(*curves: Curve, width: int | None = None) -> History:
        kept = History({uuid.UUID(int=number): curve for number, curve in enumerate(curves)}, width)
        monkeypatch.setattr(series.store, "read", kept.read)
        monkeypatch.setattr(series.store, "paired", kept.paired)
        return kept

    return keep


def group(name: str, *runs: int) -> RunGroup:
    return RunGroup(name, f"lr: {name}", "#efb118", tuple(uuid.UUID(int=number) for number in runs))


def figure(*groups: RunGroup, grouped: bool = True, total: int | None = None, **rest: Any) -> dict[str, Any]:
    limits = {key: rest.pop(key) for key in ("lo", "hi", "cells", "logged") if key in rest}
    plot = LinePlot.from_spec(rest)
    drawing = series.draw(
        project_id=PROJECT,
        metric="val/loss",
        plot=plot,
        groups=groups,
        total_groups=total or len(groups),
        grouped=grouped,
        **limits,
    )
    made = series.line_plot(metric="val/loss", plot=plot, drawing=drawing)
    go.Figure(made["data"], made["layout"])
    json.dumps(made, allow_nan=False)
    return made


def traces(made: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [trace for trace in made["data"] if trace["meta"]["group"] == name]


def trace(made: dict[str, Any], name: str, role: str) -> dict[str, Any]:
    (found,) = [trace for trace in traces(made, name) if trace["meta"]["role"] == role]
    return found


def y_of(made: dict[str, Any], name: str, role: str = "line") -> list[float]:
    return decoded(trace(made, name, role)["y"]).tolist()


def test_runs_of_constant_0_and_1_have_a_standard_error_of_a_half_at_every_step(history) -> None:
    history([(i, 0) for i in range(50)], [(i, 1) for i in range(50)])
    made = figure(group("a", 0, 1), groupArea="stderr")
    assert y_of(made, "a") == [0.5] * 50
    assert decoded(traces(made, "a")[-1]["customdata"]).tolist() == [[2, 0.5]] * 50
    assert decoded(traces(made, "a")[0]["y"]).tolist() == [1] * 50 + [0] * 50


@pytest.mark.parametrize("width", [None, 16])
def test_a_run_that_logs_more_often_weighs_no_more(history, width: int | None) -> None:
    history([(i, 0) for i in range(4000)], [(i, 1) for i in range(3, 4000, 10)], width=width)
    made = figure(group("a", 0, 1))
    assert set(y_of(made, "a")) == {0.5}
    assert made["meta"]["header"] == "mean ± std dev · 2 of 2 runs · binned"


def test_the_order_of_runs_changes_nothing_to_the_last_bit(history) -> None:
    rng = random.Random(1)
    history(*([(i, rng.gauss(0, 1)) for i in range(20)] for _ in range(30)))
    for area in ("stddev", "ci95", "bootstrap", "quartiles", "each"):
        order = list(range(30))
        first = json.dumps(figure(group("a", *order), groupArea=area))
        for _ in range(5):
            rng.shuffle(order)
            assert json.dumps(figure(group("a", *order), groupArea=area)) == first


def test_another_group_on_the_chart_changes_nothing_in_this_one(history) -> None:
    rng = random.Random(2)
    history(*([(i, rng.gauss(0, 1)) for i in range(20 if run < 4 else 100)] for run in range(8)))
    alone = figure(group("a", 0, 1, 2, 3))
    together = figure(group("b", 4, 5, 6, 7), group("a", 0, 1, 2, 3))
    assert traces(alone, "a") == traces(together, "a")


def test_a_run_may_be_in_several_groups_and_is_counted_once(history) -> None:
    history([(0, 1), (1, 1)], [(0, 3), (1, 3)], [(0, 5), (1, 5)])
    made = figure(group("a", 2, 0), group("b", 1, 2))
    assert (y_of(made, "a"), y_of(made, "b")) == ([3, 3], [4, 4])
    assert made["meta"]["header"] == "mean ± std dev · 3 of 3 runs"


def test_a_dead_run_leaves_the_mean_and_n_tells(history) -> None:
    history([(0, 0), (1, 0), (2, 0)], [(0, 2), (1, 2)])
    line = traces(figure(group("a", 0, 1), groupArea="none"), "a")[0]
    assert decoded(line["y"]).tolist() == [1, 1, 0]
    line = traces(figure(group("a", 0, 1)), "a")[-1]
    assert decoded(line["customdata"])[:, 0].tolist() == [2, 2, 1]


def test_a_metric_logged_once_is_a_mark_with_its_band(history) -> None:
    history([(99, 0.9)], [(99, 0.7)])
    made = figure(group("a", 0, 1), groupArea="minmax")
    assert [trace["mode"] for trace in made["data"]] == ["lines", "markers"]
    assert y_of(made, "a") == pytest.approx([0.8])


def test_values_that_are_not_finite_are_left_out_and_counted(history) -> None:
    history([(0, 1), (1, float("nan"))], [(0, 3), (1, 4)], [(0, float("inf")), (1, float("-inf"))])
    made = figure(group("a", 0, 1, 2))
    assert y_of(made, "a") == [2, 4]
    assert made["meta"]["header"] == "mean ± std dev · 2 of 3 runs"
    assert made["meta"]["nonfiniteText"] == "3 values left out (NaN or infinite)"
    marks = trace(made, "a", "nonfinite")
    assert (decoded(marks["x"]).tolist(), decoded(marks["customdata"]).tolist()) == ([0, 1], [1, 2])


def test_a_group_without_the_metric_is_not_drawn_but_its_runs_are_named(history) -> None:
    history([(0, 1)], [])
    made = figure(group("a", 0), group("b", 1))
    assert traces(made, "b") == []
    assert made["meta"]["header"] == "mean ± std dev · 1 of 2 runs"
    assert not made["meta"]["empty"]


def test_nothing_stored_is_an_empty_figure(history) -> None:
    history([], [])
    assert figure(group("a", 0, 1))["meta"]["empty"]
    assert figure(group("a"))["meta"]["empty"]
    assert figure()["meta"]["empty"]


def test_it_says_of_how_many_groups_it_draws_some(history) -> None:
    history(*([(0, run)] for run in range(4)))
    made = figure(*(group(str(run), run) for run in range(4)), total=37)
    assert made["meta"]["header"] == "mean ± std dev · 4 of 4 runs · 4 of 37 groups"


def test_ungrouped_runs_are_drawn_as_they_are(history) -> None:
    history([(0, 1), (1, 2)], [(0, 3), (1, 4)])
    made = figure(group("a", 0), group("b", 1), grouped=False, groupAgg="max", groupArea="minmax", total=5)
    assert [trace["meta"]["role"] for trace in made["data"]] == ["line", "line"]
    assert (y_of(made, "a"), y_of(made, "b")) == ([1, 2], [3, 4])
    assert made["meta"]["header"] == "2 of 5 runs"


def test_a_spike_in_a_bin_is_in_the_max_line_and_in_the_min_max_band(history) -> None:
    history([(i, 100 if i == 700 else 0) for i in range(5000)], [(i, 0) for i in range(5000)], width=16)
    assert max(y_of(figure(group("a", 0, 1), groupAgg="max"), "a")) == 100
    made = figure(group("a", 0, 1), groupArea="minmax")
    assert decoded(traces(made, "a")[0]["y"]).max() == 100
    assert max(y_of(made, "a")) == 100 / 16 / 2


@pytest.mark.parametrize(
    ("spec", "spread"),
    [
        ({}, False),
        ({"groupAgg": "median", "groupArea": "quartiles"}, False),
        ({"groupArea": "minmax"}, True),
        ({"groupAgg": "max", "groupArea": "none"}, True),
        ({"tooltipTemplate": "${mean} from ${min} to ${max}"}, True),
    ],
)
def test_extremes_are_asked_for_only_where_they_are_drawn(history, spec: dict, spread: bool) -> None:
    asked = history([(0, 1), (5, 2)]).asked
    figure(group("a", 0), **spec)
    assert asked[0]["spread"] == spread


def test_the_question_names_column_axis_and_range(history) -> None:
    asked = history([(0, 1), (5, 2), (9, 3)]).asked
    assert y_of(figure(group("a", 0), lo=4, hi=8), "a") == [2]
    figure(group("a", 0), xMin=1, xMax=7, xAxis="_runtime")
    figure(group("a", 0), xMin=1, xMax=7, lo=2.0, cells=1000)
    column = column_id(PROJECT, "history", "val/loss")
    assert asked == [
        {"column_id": column, "lo": 4, "hi": 8, "exact_below": 1000, "cells": 500, "spread": False},
        {"column_id": column, "x": "_runtime", "lo": 1.0, "hi": 7.0},
        {"column_id": column, "lo": 2.0, "hi": 7.0, "exact_below": 2000, "cells": 1000, "spread": False},
    ]


def test_runs_are_smoothed_before_they_are_grouped_line_and_band_alike(history) -> None:
    history([(0, 0), (1, 8), (2, 0)], [(0, 4), (1, 0), (2, 4)])
    made = figure(group("a", 0, 1), groupArea="minmax", smoothingType="exponential", smoothingWeight=0.5)
    first, second = [0, 16 / 3, 16 / 7], [4, 4 / 3, 20 / 7]
    assert y_of(made, "a") == pytest.approx(np.mean([first, second], axis=0))
    band = decoded(traces(made, "a")[0]["y"])
    assert band == pytest.approx([*np.maximum(first, second), *np.minimum(first, second)[::-1]])
    assert made["meta"]["header"] == "mean, min–max · 2 of 2 runs · smoothed"
    ungrouped = figure(group("a", 0), grouped=False, smoothingType="exponential", smoothingWeight=0.5)
    assert y_of(ungrouped, "a") == pytest.approx(first)
    assert ungrouped["meta"]["header"] == "1 of 1 runs · smoothed"


def test_without_a_weight_nothing_is_smoothed(history) -> None:
    history([(0, 0.1), (1, 0.7)], [(0, 0.2), (1, 0.4)])
    plain = figure(group("a", 0, 1))
    assert figure(group("a", 0, 1), smoothingType="gaussian", smoothingWeight=0) == plain


def test_only_where_all_runs_that_logged_the_metric_have_data(history) -> None:
    logged = history([(0, 0), (1, 0), (2, 0)], [(0, 2), (1, 2)], [], [(0, 7), (1, 7), (2, 7), (3, 7)]).logged
    made = figure(group("a", 0, 1, 2), group("b", 3), endedEarly="all", logged=logged)
    assert (y_of(made, "a"), y_of(made, "b")) == ([1, 1], [7, 7, 7, 7])
    assert figure(group("a", 0, 1, 2), endedEarly="all", lo=2, logged=logged)["meta"]["empty"], "a zoom revives no run"


def test_a_run_that_ended_keeps_its_last_value_to_the_end_of_its_group_zoomed_or_not(history) -> None:
    history([(0, 0), (1, 0), (2, 0)], [(0, 2), (1, 4)], [(0, 7), (1, 7), (2, 7), (3, 7)])
    groups = group("a", 0, 1), group("b", 2)
    made = figure(*groups, endedEarly="carry")
    assert (y_of(made, "a"), y_of(made, "b")) == ([1, 2, 2], [7, 7, 7, 7])
    assert decoded(traces(made, "a")[-1]["customdata"])[:, 0].tolist() == [2, 2, 2]
    assert y_of(figure(*groups, endedEarly="carry", lo=2), "a") == [2]
    assert y_of(figure(*groups, endedEarly="carry", hi=1), "a") == [1, 2]


def test_a_group_is_hidden_where_it_has_too_few_runs(history) -> None:
    history([(0, 0), (1, 0), (2, 0)], [(0, 2), (1, 2)], [(0, 7)])
    assert y_of(figure(group("a", 0, 1, 2), minRuns=2), "a") == [3, 1]
    assert traces(figure(group("a", 0, 1), group("b", 2), minRuns=2), "b") == []
    alone = figure(group("a", 0), grouped=False, minRuns=2, endedEarly="all")
    assert y_of(alone, "a") == [0, 0, 0], "ungrouped, a line is one run"


def test_runs_that_log_at_different_steps_meet_as_the_plot_says(history) -> None:
    history([(0, 0), (4, 4)], [(1, 10), (2, 30), (5, 60)])
    drawn = {how: figure(group("a", 0, 1), align=how) for how in ("exact", "interpolate", "last")}
    assert y_of(drawn["exact"], "a") == [0, 10, 30, 4, 60]
    assert y_of(drawn["interpolate"], "a") == pytest.approx([0, 5.5, 16, 27, 60])
    assert y_of(drawn["last"], "a") == [0, 5, 15, 17, 60]
    assert [made["meta"]["header"] for made in drawn.values()] == [
        "mean ± std dev · 2 of 2 runs",
        "mean ± std dev · 2 of 2 runs · interpolated",
        "mean ± std dev · 2 of 2 runs · last values between",
    ]


def test_rollups_are_binned_however_they_are_aligned_and_filled_if_asked(history) -> None:
    history([(i, 1) for i in range(0, 3200, 64)], [(i, 3) for i in range(3200)], width=16)
    assert set(y_of(figure(group("a", 0, 1)), "a")[:-4]) == {2, 3}
    assert set(y_of(figure(group("a", 0, 1), align="last"), "a")[:-4]) == {2}
    assert figure(group("a", 0, 1), align="exact")["meta"]["header"].endswith("binned")


def test_cells_and_points_agree(history) -> None:
    rng = np.random.default_rng(3)
    curves = [list(enumerate(rng.normal(size=5000).tolist())) for _ in range(4)]
    made = []
    for width in (16, None):
        history(*curves, width=width)
        made.append(figure(group("a", 0, 1, 2, 3), groupArea="ci95"))
    assert made[0]["meta"] == made[1]["meta"]
    for rolled, raw in zip(made[0]["data"], made[1]["data"], strict=True):
        assert decoded(rolled["y"]) == pytest.approx(decoded(raw["y"]), rel=1e-9, abs=1e-12)


def test_the_original_is_drawn_beneath_the_smoothed(history) -> None:
    history([(0, 0), (1, 8), (2, 0)], [(0, 4), (1, 0), (2, 4)])
    smoothing = {"smoothingType": "exponential", "smoothingWeight": 0.5}
    made = figure(group("a", 0, 1), showOriginalAfterSmoothing=True, **smoothing)
    assert y_of(made, "a", "original") == [2, 4, 2]
    assert trace(made, "a", "original")["line"]["width"] < trace(made, "a", "line")["line"]["width"]
    roles = [trace["meta"]["role"] for trace in made["data"]]
    assert roles == ["band", "original", "line"]
    assert "original" not in {trace["meta"]["role"] for trace in figure(group("a", 0, 1), **smoothing)["data"]}
    unsmoothed = figure(group("a", 0, 1), showOriginalAfterSmoothing=True)
    assert [trace["meta"]["role"] for trace in unsmoothed["data"]] == ["band", "line"]


def test_an_outlier_that_is_smoothed_away_does_not_squeeze_the_rest_as_original_either(history) -> None:
    history([(x, 1000 if x == 50 else x % 3) for x in range(100)])
    settings = {"smoothingType": "average", "smoothingWeight": 10, "showOriginalAfterSmoothing": True}
    assert "range" not in figure(group("a", 0), **settings)["layout"]["yaxis"]
    low, high = figure(group("a", 0), ignoreOutliers=True, **settings)["layout"]["yaxis"]["range"]
    assert high < 200


NEIGHBOURS = [
    {"smoothingType": "exponential", "smoothingWeight": 0.9},
    {"smoothingType": "exponentialTimeWeighted", "smoothingWeight": 0.9},
    {"smoothingType": "gaussian", "smoothingWeight": 5},
    {"smoothingType": "average", "smoothingWeight": 20},
    {"align": "interpolate"},
    {"align": "last"},
]


@pytest.mark.parametrize("settings", NEIGHBOURS)
def test_zoomed_a_curve_is_what_it_is_unzoomed_where_all_points_are_shown(history, settings: dict[str, Any]) -> None:
    rng = random.Random(8)
    history(*([(x, rng.random()) for x in sorted(rng.sample(range(300), 150))] for _ in range(4)))
    groups = group("a", 0, 1), group("b", 2, 3)
    whole = figure(*groups, **{"align": "exact"} | settings)
    part = figure(*groups, lo=100, hi=140, **{"align": "exact"} | settings)
    for name in ("a", "b"):
        for role in ("line", "band"):
            x, y = (decoded(trace(whole, name, role)[axis]) for axis in "xy")
            inside = (x >= 100) & (x <= 140)
            zoomed = trace(part, name, role)
            if role == "line":
                np.testing.assert_array_equal(decoded(zoomed["x"]), x[inside])
                np.testing.assert_array_equal(decoded(zoomed["y"]), y[inside])
            else:
                assert set(decoded(zoomed["y"]).tolist()) >= set(y[inside & np.isfinite(y)].tolist())


@pytest.mark.parametrize("settings", NEIGHBOURS[:1] + NEIGHBOURS[2:])
def test_zoomed_into_a_long_run_enough_is_read_beside_the_range(history, settings: dict[str, Any]) -> None:
    """Against the run with its neighbours on either side smoothed as they were logged."""
    rng = random.Random(9)
    values = [rng.random() for _ in range(20_000)]
    history(list(enumerate(values)))
    part = figure(group("a", 0), lo=9000, hi=9200, **settings)
    near = values[7000:11_200]
    history(list(enumerate(near)))
    expected = decoded(trace(figure(group("a", 0), cells=5000, **settings), "a", "line")["y"])[2000:2201]
    assert decoded(trace(part, "a", "line")["x"]).tolist() == list(range(9000, 9201))
    assert decoded(trace(part, "a", "line")["y"]) == pytest.approx(expected, abs=2e-6)


def test_what_lies_beside_a_zoom_is_neither_drawn_nor_counted(history) -> None:
    nan = float("nan")
    history([(x, nan if x in (5, 50, 90) else 1) for x in range(100)], [(x, 2) for x in range(10)])
    made = figure(group("a", 0, 1), lo=40, hi=60, smoothingType="average", smoothingWeight=30)
    assert made["meta"]["header"].startswith("mean ± std dev · 1 of 2 runs")
    assert made["meta"]["nonfinite"] == 1
    assert decoded(trace(made, "a", "nonfinite")["x"]).tolist() == [50]
    assert decoded(trace(made, "a", "line")["x"]).tolist() == [x for x in range(40, 61) if x != 50]


def test_a_chart_has_as_many_cells_as_it_has_pixels(history) -> None:
    history([(i, i % 7) for i in range(5000)])
    assert len(y_of(figure(group("a", 0)), "a")) == 313
    assert len(y_of(figure(group("a", 0), cells=2000), "a")) == 1250
    history([(i, i % 7) for i in range(1001)])
    assert figure(group("a", 0), cells=501)["meta"]["exact"]
    assert not figure(group("a", 0), cells=500)["meta"]["exact"]
