import json
import math
import uuid
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from projects.charts.aggregate import BANDS, LINES, STATISTICS, group_line
from projects.charts.figure import line_figure
from projects.charts.header import Basis
from projects.charts.line_plot import LEGEND_POSITIONS, TOOLTIP_VARIABLES, LinePlot
from projects.charts.nonfinite import Marks
from projects.charts.traces import Drawn
from projects.query.grouping import RunGroup
from tests.projects.charts.curves import decoded

NAN = math.nan
NO_MARKS = Marks(np.empty(0), np.empty(0, dtype=np.int64))


def figure(
    values: list[list[list[float]]],
    x: list[float] | None = None,
    grouped: bool = True,
    of_groups: int | None = None,
    nonfinite: int = 0,
    width: float | None = None,
    label: str = "lr: 0.1",
    marks: Marks = NO_MARKS,
    **settings: Any,
) -> dict[str, Any]:
    """A figure of groups, each a list of runs, each a list of a value for every x. Checked as plotly and JSON check."""
    plot = LinePlot.from_spec({"xAxis": "_step"} | settings)
    drawn = []
    for number, runs in enumerate(values):
        value = np.array(runs, dtype=float)
        group = RunGroup(f"g{number}", label, "#4269d0", tuple(uuid.UUID(int=n) for n in range(len(runs))))
        at = np.arange(value.shape[1], dtype=float) if x is None else np.array(x, dtype=float)
        tell = [name for name in STATISTICS if f"${{{name}}}" in plot.tooltip_template]
        area = plot.group_area if grouped else "none"
        line = group_line(at, value, value, value, agg=plot.group_agg, area=area, tell=tell)
        drawn.append(Drawn(group, line, marks))
    runs = sum(map(len, values))
    basis = Basis(runs, runs, len(values), of_groups or len(values), nonfinite)
    made = line_figure(metric="val/loss", plot=plot, drawn=drawn, basis=basis, grouped=grouped, width=width)
    go.Figure(made["data"], made["layout"])
    json.dumps(made, allow_nan=False)
    return made


def role(made: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [trace for trace in made["data"] if trace["meta"]["role"] == name]


def test_a_group_is_a_band_and_above_it_a_line_in_its_colour() -> None:
    made = figure([[[0, 1], [1, 2]], [[5, 5], [6, 6]]])
    assert [(trace["meta"]["role"], trace["meta"]["group"]) for trace in made["data"]] == [
        ("band", "g0"),
        ("band", "g1"),
        ("line", "g0"),
        ("line", "g1"),
    ]
    band, line = made["data"][0], made["data"][2]
    assert (line["line"]["color"], band["fillcolor"]) == ("#4269d0", "rgba(66,105,208,0.18)")
    assert band["legendgroup"] == line["legendgroup"] == "g0"
    assert (band["hoverinfo"], line["meta"]["named"]) == ("skip", True)
    for shown in (False, True):
        data = figure([[[0, 1], [1, 2]], [[5, 5], [7, 7]]], showLegend=shown)["data"]
        assert [trace["showlegend"] for trace in data] == [False, False, shown, shown]
    assert decoded(line["x"]).tolist() == [0, 1]
    assert decoded(line["y"]).tolist() == [0.5, 1.5]
    assert len({trace["uid"] for trace in made["data"]}) == 4


@pytest.mark.parametrize("agg", LINES)
@pytest.mark.parametrize("area", BANDS)
@pytest.mark.parametrize("grouped", [True, False])
def test_every_choice_is_a_figure_plotly_takes(agg: str, area: str, grouped: bool) -> None:
    made = figure([[[0, 1, NAN, 4], [1, 2, 3, NAN]]], grouped=grouped, groupAgg=agg, groupArea=area)
    assert len(role(made, "line")) == 1
    assert len(role(made, "band")) == (grouped and area not in ("none", "each"))
    assert len(role(made, "runs")) == (grouped and area == "each")


def test_a_point_carries_n_and_its_distance_to_the_ends_of_a_symmetric_band() -> None:
    line = role(figure([[[0, 0], [1, NAN]]], groupArea="stderr"), "line")[0]
    assert np.array_equal(decoded(line["customdata"]), [[2, 0.5], [1, NAN]], equal_nan=True)
    assert "± %{customdata[1]:.2~g} · %{customdata[0]} of 2 runs" in line["hovertemplate"][0]
    assert "±" not in line["hovertemplate"][1]
    assert "%{customdata[0]} of 2 runs" in line["hovertemplate"][1]


def test_a_point_carries_both_ends_of_any_other_band() -> None:
    line = role(figure([[[0, 0], [1, 3]]], groupArea="minmax"), "line")[0]
    assert decoded(line["customdata"]).tolist() == [[2, 0, 1], [2, 0, 3]]
    assert "[%{customdata[1]:.4~g}, %{customdata[2]:.4~g}]" in line["hovertemplate"]


@pytest.mark.parametrize("scale", [2.0**-200, 2.0**130, 2.0**1000])
@pytest.mark.parametrize("settings", [{"groupArea": "minmax"}, {"groupArea": "minmax", "tooltipTemplate": "${max}"}])
def test_what_float32_can_not_hold_is_drawn_and_told(scale: float, settings: dict[str, Any]) -> None:
    made = figure([[[0.0, scale, 2 * scale], [2 * scale, 3 * scale, 4 * scale]]], **settings)
    (band,), (line,) = role(made, "band"), role(made, "line")
    assert decoded(line["y"]).tolist() == [scale, 2 * scale, 3 * scale]
    assert max(decoded(band["y"])) == 4 * scale
    assert decoded(line["customdata"])[2, -1] == 4 * scale


def test_a_narrow_band_far_from_zero_keeps_its_form() -> None:
    made = figure([[[1e9, 1e9 + 1, 1e9 + 2], [1e9 + 1, 1e9 + 2, 1e9 + 3]]], groupArea="minmax")
    assert (decoded(role(made, "band")[0]["y"]) - 1e9).tolist() == [1, 2, 3, 2, 1, 0]


def test_one_run_beyond_float32_is_drawn_among_many() -> None:
    runs = [[float(run)] * 100 for run in range(60)]
    made = figure([[*runs, [1e300] * 100]], groupAgg="median", groupArea="each")
    assert np.nanmax(decoded(role(made, "runs")[0]["y"])) == 1e300


def test_a_band_has_a_polygon_for_each_stretch_and_a_gap_between() -> None:
    made = figure([[[0, 0, 0, 0, 0], [2, 2, NAN, 2, 2]]], groupArea="minmax")
    band = role(made, "band")[0]
    assert band["fill"] == "toself"
    x, y = decoded(band["x"]), decoded(band["y"])
    assert np.array_equal(x, [0, 1, 1, 0, NAN, 3, 4, 4, 3], equal_nan=True)
    assert np.array_equal(y, [2, 2, 0, 0, NAN, 2, 2, 0, 0], equal_nan=True)
    assert band["line"]["width"] == 0


def test_a_band_that_stands_alone_is_seen_by_its_outline() -> None:
    made = figure([[[0, 0, 0], [NAN, 2, NAN]]], groupArea="minmax")
    assert role(made, "band")[0]["line"]["width"] > 0


def test_a_group_of_one_point_is_a_mark() -> None:
    made = figure([[[1], [3]]], groupArea="minmax")
    line = role(made, "line")[0]
    assert (line["mode"], decoded(line["y"]).tolist()) == ("markers", [2])
    assert decoded(role(made, "band")[0]["y"]).tolist() == [3, 1]


def test_one_run_has_no_band() -> None:
    assert role(figure([[[0, 1, 2]]]), "band") == []


def test_each_run_is_a_thin_line_with_a_gap_to_the_next() -> None:
    made = figure([[[0, 1, 2], [5, NAN, 7]]], groupArea="each")
    runs = role(made, "runs")[0]
    assert np.array_equal(decoded(runs["x"]), [0, 1, 2, NAN, 0, 2], equal_nan=True)
    assert np.array_equal(decoded(runs["y"]), [0, 1, 2, NAN, 5, 7], equal_nan=True)
    assert runs["line"]["width"] < role(made, "line")[0]["line"]["width"]


def test_on_a_log_axis_a_band_that_reaches_below_zero_keeps_its_upper_half() -> None:
    made = figure([[[0.01, 0.1], [1, 0.2]]], yLogScale=True)
    y = decoded(role(made, "band")[0]["y"])
    assert (y > 0).all()
    assert y.min() == pytest.approx(0.15 - 0.05 * math.sqrt(2))  # the least that is drawn anywhere
    assert made["layout"]["yaxis"]["type"] == "log"


def test_on_a_log_axis_a_band_wholly_below_zero_is_not_drawn() -> None:
    made = figure([[[-1, -1], [-2, -2]], [[1, 1], [2, 2]]], yLogScale=True)
    assert [trace["meta"]["group"] for trace in role(made, "band")] == ["g1"]


def test_on_a_log_x_axis_a_band_starts_above_zero() -> None:
    made = figure([[[0, 0, 0], [1, 1, 1]]], xLogScale=True, groupArea="minmax")
    assert decoded(role(made, "band")[0]["x"]).tolist() == [1, 2, 2, 1]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "mean ± std dev · 4 of 4 runs"),
        ({"groupArea": "none"}, "mean · 4 of 4 runs"),
        ({"groupArea": "minmax"}, "mean, min–max · 4 of 4 runs"),
        ({"groupArea": "stderr"}, "mean ± std err · 4 of 4 runs"),
        ({"groupArea": "ci95"}, "mean ± 95 % CI · 4 of 4 runs"),
        ({"groupArea": "bootstrap"}, "mean, 95 % CI (bootstrap) · 4 of 4 runs"),
        ({"groupAgg": "max", "groupArea": "bootstrap"}, "max, 95 % CI (bootstrap) of the mean · 4 of 4 runs"),
        ({"groupArea": "each"}, "mean, each run · 4 of 4 runs"),
        ({"groupAgg": "median", "groupArea": "quartiles"}, "median, quartiles · 4 of 4 runs"),
        ({"groupAgg": "median"}, "median, mean ± std dev · 4 of 4 runs"),
        ({"groupAgg": "iqm", "groupArea": "none"}, "IQM (mean below 4 runs) · 4 of 4 runs"),
        ({"endedEarly": "all"}, "mean ± std dev · 4 of 4 runs · where all have data"),
        ({"endedEarly": "carry"}, "mean ± std dev · 4 of 4 runs · last values carried"),
        ({"minRuns": 2}, "mean ± std dev · 4 of 4 runs · where 2 runs or more"),
        ({"sampleDeviation": False}, "mean ± population std dev · 4 of 4 runs"),
        ({"states": ["failed", "running"]}, "mean ± std dev · 4 of 4 runs · only running and failed"),
    ],
)
def test_the_header_says_what_is_drawn(settings: dict[str, Any], text: str) -> None:
    assert figure([[[0], [1]], [[2], [3]]], **settings)["meta"]["header"] == text


def test_the_header_says_binned_and_what_is_left_out() -> None:
    made = figure([[[0], [1]]], of_groups=37, width=16.0, nonfinite=1003)
    assert made["meta"]["header"] == "mean ± std dev · 2 of 2 runs · binned · 1 of 37 groups"
    assert (made["meta"]["exact"], made["meta"]["width"]) == (False, 16.0)
    assert made["meta"]["nonfinite"] == 1003
    assert made["meta"]["nonfiniteText"] == "1,003 values left out (NaN or infinite)"
    assert figure([[[0]]], nonfinite=1)["meta"]["nonfiniteText"] == "1 value left out (NaN or infinite)"


def test_the_header_of_an_ungrouped_chart_counts_runs() -> None:
    made = figure([[[0, 1]], [[1, 2]]], grouped=False, of_groups=37)
    assert made["meta"]["header"] == "2 of 37 runs"
    assert "customdata" not in made["data"][0]


def test_an_empty_figure_says_so() -> None:
    made = figure([])
    assert (made["data"], made["meta"]["empty"], made["meta"]["nonfiniteText"]) == ([], True, "")


def test_wall_time_is_a_date_axis_in_milliseconds() -> None:
    made = figure([[[0, 1]]], x=[1.7e9, 1.7e9 + 1], xAxis="_timestamp", xMin=1.6e9, xMax=1.8e9)
    assert decoded(made["data"][0]["x"]).tolist() == [1.7e12, 1.7e12 + 1000]
    assert made["layout"]["xaxis"]["type"] == "date"
    assert made["layout"]["xaxis"]["range"] == [1.6e12, 1.8e12]


def test_ranges_and_titles_reach_the_axes() -> None:
    layout = figure([[[1, 2]]], yLogScale=True, yMin=0.1, xMax=5, xTitle="a <b>", yTitle="nats")["layout"]
    assert layout["yaxis"]["range"] == [-1, None]
    assert layout["xaxis"]["range"] == [None, 5]
    assert layout["xaxis"]["title"]["text"] == "a &lt;b&gt;"
    assert layout["yaxis"]["title"]["text"] == "nats"


def test_names_are_text_and_never_in_a_template() -> None:
    line = role(figure([[[1, 2]]], label="<b>%{x}</b>"), "line")[0]
    assert line["name"] == "&lt;b&gt;%&#123;x}&lt;/b&gt;"
    assert "&lt;" not in line["hovertemplate"]


@pytest.mark.parametrize("position", [choice.key for choice in LEGEND_POSITIONS])
def test_every_legend_position_is_drawn(position: str) -> None:
    layout = figure([[[1, 2]]], showLegend=True, legendPosition=position)["layout"]
    assert layout["legend"]["traceorder"] == "normal"
    assert layout["legend"]["orientation"] in ("h", "v")


def test_marks_of_what_is_not_finite_stand_at_the_bottom_whatever_the_y_axis_shows() -> None:
    marks = Marks(np.array([1.0, 4.0]), np.array([2, 1]))
    made = figure([[[0, 1], [1, 2], [3, 4]]], marks=marks, nonfinite=3)
    mark = role(made, "nonfinite")[0]
    assert (mark["yaxis"], mark["marker"]["color"], mark["legendgroup"]) == ("y2", "#4269d0", "g0")
    assert decoded(mark["x"]).tolist() == [1, 4]
    assert (decoded(mark["y"]) < 0.05).all()
    assert decoded(mark["customdata"]).tolist() == [2, 1]
    assert mark["hovertemplate"] == "%{fullData.name}  %{customdata} of 3 runs NaN or infinite here<extra></extra>"
    assert made["layout"]["yaxis2"]["range"] == [0, 1]
    assert "yaxis2" not in figure([[[0, 1]]])["layout"]


def test_rows_of_marks_do_not_cover_each_other_or_the_chart() -> None:
    made = figure([[[0, 1]]] * 20, marks=Marks(np.array([1.0]), np.array([1])))
    heights = [decoded(mark["y"])[0] for mark in role(made, "nonfinite")]
    assert len(set(heights)) == 20
    assert max(heights) < 0.2


def test_a_chart_of_nothing_says_why() -> None:
    assert figure([])["meta"]["message"] == "No visible run has logged this metric."
    assert figure([[[NAN]]], nonfinite=1)["meta"]["message"] == "No value here is a finite number."
    assert figure([[[1]]])["meta"]["message"] == ""


def test_an_outlier_does_not_squeeze_the_rest() -> None:
    values = [[*np.linspace(1, 2, 99).tolist(), 1000.0]]
    assert "range" not in figure([values])["layout"]["yaxis"]
    low, high = figure([values], ignoreOutliers=True)["layout"]["yaxis"]["range"]
    fifth, last = np.percentile(values, [5, 95])
    assert low is None, "nothing lies far below"
    assert high == pytest.approx(last + (last - fifth) / 2)
    assert figure([values], ignoreOutliers=True, yMax=1500)["layout"]["yaxis"]["range"] == [None, 1500]
    log = figure([values], ignoreOutliers=True, yLogScale=True)["layout"]["yaxis"]["range"]
    assert log[0] is None
    assert math.log10(2) < log[1] < math.log10(5)


@pytest.mark.parametrize("values", [[[1.0, 1.0]], [[1.0, 2.0, 3.0]], [[NAN]]])
def test_without_outliers_the_axis_is_scaled_as_ever(values: list[list[float]]) -> None:
    assert "range" not in figure([values], ignoreOutliers=True)["layout"]["yaxis"]


def test_points_are_marked_if_asked() -> None:
    assert role(figure([[[1, 2]]]), "line")[0]["mode"] == "lines"
    assert role(figure([[[1, 2]]], markPoints=True), "line")[0]["mode"] == "lines+markers"


@pytest.mark.parametrize(
    ("axis", "title"),
    [
        ("_step", None),
        ("_absolute_runtime", "Relative time, wall (s)"),
        ("_runtime", "Relative time, process (s)"),
        ("_timestamp", "Wall time (UTC)"),
        ("epoch", "epoch"),
    ],
)
def test_the_x_axis_is_named_unless_it_is_the_step(axis: str, title: str | None) -> None:
    assert figure([[[1, 2]]], xAxis=axis)["layout"]["xaxis"].get("title", {}).get("text") == title


def test_a_tooltip_says_what_its_template_says() -> None:
    every = "<b> %{x} at ${x}: ${y}; " + " ".join(f"${{{name}}}" for name in TOOLTIP_VARIABLES[2:])
    values = [[0.0, 1.0], [1.0, NAN], [5.0, NAN]]
    line = role(figure([values], tooltipTemplate=every), "line")[0]
    told = decoded(line["customdata"])
    at = np.array([0.0, 1.0, 5.0])
    expected = [2, 1, at.std(ddof=1), at.std(ddof=1) / np.sqrt(3), 0, 5, 3]
    assert told[0] == pytest.approx(expected, rel=1e-6)
    full, single = line["hovertemplate"]
    assert full.startswith("%{fullData.name}  &lt;b&gt; %&#123;x} at %{x}: %{y:.4~g}; %{customdata[0]:.4~g} ")
    assert "%{customdata[6]}" in full
    assert " – – " in single, "one run has no deviation and no error"
    alone = role(figure([[[1, 2]]], grouped=False, tooltipTemplate="${count} ${y}"), "line")[0]
    assert alone["hovertemplate"] == "%{fullData.name}  %{customdata[0]} %{y:.4~g}<extra></extra>"


def test_a_tooltip_of_one_line_among_many_has_its_name_beside_it() -> None:
    few, many = (role(figure([[[1, 2]]] * lines, tooltipTemplate="here"), "line") for lines in (12, 13))
    assert {line["hovertemplate"] for line in few} == {"%{fullData.name}  here<extra></extra>"}
    assert {line["hovertemplate"] for line in many} == {"here<extra>%{fullData.name}</extra>"}


def test_every_variable_of_a_tooltip_is_known() -> None:
    assert set(TOOLTIP_VARIABLES) == {"x", "y", *STATISTICS}
