import math
import uuid
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from projects.charts.header import Basis
from projects.charts.line_plot import GROUP_AREAS, LinePlot
from projects.charts.scatter import Cloud, Clouds, drawable, scatter_figure
from projects.charts.typed import evenly
from projects.query.grouping import RunGroup

X, Y = np.random.default_rng(2).normal(size=(2, 5))


def figure(x: np.ndarray = X, y: np.ndarray = Y, grouped: bool = True, **spec: Any) -> dict[str, Any]:
    group = RunGroup("g", "lr: <b>", "#4269d0", tuple(uuid.UUID(int=number) for number in range(x.size)))
    names = [f"<i>run</i> {number}" for number in range(x.size)]
    cloud = Cloud(group, x, y, np.arange(x.size), names)
    found = Clouds([cloud], Basis(x.size, x.size, 1, 1, 0), grouped)
    made = scatter_figure(x="lr", y="acc", plot=LinePlot.from_spec(spec), found=found)
    go.Figure(made["data"], made["layout"])
    return made


def mean_of(made: dict[str, Any]) -> dict[str, Any]:
    (found,) = [trace for trace in made["data"] if trace["meta"]["role"] == "mean"]
    return found


@pytest.mark.parametrize("area", [choice.key for choice in GROUP_AREAS])
def test_every_shading_makes_error_bars_that_plotly_takes(area: str) -> None:
    mean = mean_of(figure(groupMeans=True, groupArea=area))
    np.testing.assert_allclose((mean["x"], mean["y"]), [[X.mean()], [Y.mean()]], rtol=1e-12)
    assert ("array" in mean["error_x"]) is (area not in ("none", "each"))


def test_error_bars_reach_from_end_to_end() -> None:
    mean = mean_of(figure(groupMeans=True, groupArea="minmax"))
    for values, bar in ((X, mean["error_x"]), (Y, mean["error_y"])):
        ends = values.mean() - bar["arrayminus"][0], values.mean() + bar["array"][0]
        np.testing.assert_allclose(ends, (values.min(), values.max()), rtol=1e-12)
    deviation = mean_of(figure(groupMeans=True))["error_y"]
    np.testing.assert_allclose((deviation["array"], deviation["arrayminus"]), Y.std(ddof=1), rtol=1e-9)


def test_one_run_and_ungrouped_runs_have_no_error_bars() -> None:
    alone = mean_of(figure(X[:1], Y[:1], groupMeans=True))
    assert alone["error_x"] == alone["error_y"] == {"visible": False}
    assert [trace["meta"]["role"] for trace in figure(grouped=False, groupMeans=True)["data"]] == ["points"]


def test_names_are_text() -> None:
    (points,) = figure()["data"]
    assert points["text"][0] == "&lt;i&gt;run&lt;/i&gt; 0"
    assert points["name"] == "lr: &lt;b&gt;"


def test_what_no_axis_can_show_is_no_point() -> None:
    x, y = np.array([1.0, 0, -1, math.nan, 1, 1]), np.array([1.0, 1, 1, 1, 0, math.inf])
    shown = {
        "": [True, True, True, False, True, False],
        "x": [True, False, False, False, True, False],
        "y": [True, True, True, False, False, False],
    }
    for axis, expected in shown.items():
        plot = LinePlot.from_spec({f"{axis}LogScale": True} if axis else {})
        assert drawable(x, y, plot).tolist() == expected


@pytest.mark.parametrize("count", [0, 1, 5, 6, 100_001])
def test_points_are_chosen_evenly(count: int) -> None:
    places = evenly(count, 5)
    assert len(places) == min(count, 5)
    if count:
        assert (places[0], places[-1]) == (0, count - 1)
    assert len(set(np.diff(places).tolist())) <= 2
